/* SPDX-License-Identifier: MIT */
/*
 * Starts two busy processes, for a recording of a given length: each moves the break up and down
 * until the two together have made CALLS calls.
 *
 *   flood CALLS
 */
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define STEP_BYTES 4096

static void move(unsigned long calls)
{
	for (unsigned long i = 0; i < calls; i += 2) {
		sbrk(STEP_BYTES);
		sbrk(-STEP_BYTES);
	}
}

int main(int argc, char **argv)
{
	unsigned long calls = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	int status;
	pid_t pid;

	if (calls == 0) {
		fputs("usage: flood CALLS\n", stderr);
		return 2;
	}
	pid = fork();
	if (pid < 0)
		bench_fail("fork");
	move(calls / 2);
	if (pid == 0)
		return 0;
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}
