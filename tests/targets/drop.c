/* SPDX-License-Identifier: MIT */
/*
 * drop UID: makes calls, changes its user, makes calls, lets a child make calls, and executes
 * itself. The new program makes calls and stays until its input ends. Each group moves the break by
 * its own number of bytes: 16, 32, 48, 64.
 */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(int ret, const char *what)
{
	if (ret == 0)
		return;
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	unsigned id = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	pid_t child;
	int status;

	if (argc < 2)
		return sbrk(64) == (void *)-1 || getchar() != EOF;
	sbrk(16);
	check(setgroups(0, NULL), "setgroups");
	check(setgid(id), "setgid");
	check(setuid(id), "setuid");
	sbrk(32);
	child = fork();
	if (child == 0)
		_exit(sbrk(48) == (void *)-1);
	check(waitpid(child, &status, 0) != child || status, "child");
	puts("executing");
	fflush(stdout);
	execl("/proc/self/exe", argv[0], NULL);
	perror("exec");
	return 1;
}
