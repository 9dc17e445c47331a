/* SPDX-License-Identifier: MIT */
/*
 * Starts many processes that do little: each moves its break once a second until standard input
 * ends.
 *
 *   crowd PROCESSES
 *
 * Prints "ready" when all have started.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define STEP_BYTES 4096

static void live(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		sbrk(STEP_BYTES);
		sleep(1);
	}
}

int main(int argc, char **argv)
{
	unsigned long count = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	char end;

	if (count == 0) {
		fputs("usage: crowd PROCESSES\n", stderr);
		return 2;
	}
	for (unsigned long i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			bench_fail("fork");
		if (pid == 0)
			live();
	}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &end, 1) > 0)
		;
	return 0;
}
