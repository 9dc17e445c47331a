/* SPDX-License-Identifier: MIT */
/*
 * Measures what a preloaded library costs a process from its start to its end: /bin/true with the
 * library that this program was given, and /bin/true with an empty one, in turn.
 *
 *   spawn PAIRS EMPTY_LIBRARY CPU
 *
 * Prints the medians in ns per process.
 */
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

static double time_true(char **environment)
{
	static char *argv[] = {"true", NULL};
	double begin = bench_now_ns();
	int status;
	pid_t pid;

	if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environment) != 0 ||
	    waitpid(pid, &status, 0) != pid || status != 0)
		bench_fail("/bin/true");
	return bench_now_ns() - begin;
}

/* The environment, with another LD_PRELOAD. */
static char **with_preload(const char *library)
{
	size_t count = 0, kept = 0;
	char **changed;

	while (environ[count])
		count++;
	changed = calloc(count + 2, sizeof *changed);
	if (!changed || asprintf(&changed[kept++], "LD_PRELOAD=%s", library) < 0)
		bench_fail("spawn");
	for (size_t i = 0; i < count; i++)
		if (strncmp(environ[i], "LD_PRELOAD=", 11) != 0)
			changed[kept++] = environ[i];
	return changed;
}

int main(int argc, char **argv)
{
	size_t pairs = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;
	double *empty, *own, *added;
	char **bare;

	if (pairs == 0) {
		fputs("usage: spawn PAIRS EMPTY_LIBRARY CPU\n", stderr);
		return 2;
	}
	bench_pin(atoi(argv[3]));
	bare = with_preload(argv[2]);
	empty = calloc(pairs, sizeof *empty);
	own = calloc(pairs, sizeof *own);
	added = calloc(pairs, sizeof *added);
	if (!empty || !own || !added)
		bench_fail("calloc");
	for (size_t i = 0; i < pairs; i++) {
		if (i % 2)
			own[i] = time_true(environ);
		empty[i] = time_true(bare);
		if (i % 2 == 0)
			own[i] = time_true(environ);
		added[i] = own[i] - empty[i];
	}
	printf("{\"bare_ns\": %.0f, \"entry_ns\": %.0f, \"added_ns\": %.0f, \"traced\": true}\n",
	       bench_median(empty, pairs), bench_median(own, pairs), bench_median(added, pairs));
	return 0;
}
