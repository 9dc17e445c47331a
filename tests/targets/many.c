/* SPDX-License-Identifier: MIT */
/*
 * many HOW COUNT: starts COUNT processes or images. Each moves the break by a number of its own, 16
 * * (i + 1) for the i-th, which identifies it.
 *
 *   fork    children of one process, one after the other
 *   exec    the same, each a program of its own, by vfork
 *   chain   each the child of the one before it
 *   image   one process that executes itself again and again
 *   storm   children of a process whose other threads are in malloc all the time
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_bool stop;

static void make_call(long number)
{
	if (sbrk(16 * (number + 1)) == (void *)-1)
		_exit(3);
}

static void execute(char **argv, const char *how, long number, long count)
{
	char from[24], to[24];

	snprintf(from, sizeof from, "%ld", number);
	snprintf(to, sizeof to, "%ld", count);
	execl("/proc/self/exe", argv[0], how, to, from, NULL);
	_exit(4);
}

static int wait_for(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 5;
}

static int fork_each(long count)
{
	for (long i = 0; i < count; i++) {
		pid_t child = fork();

		if (child == 0) {
			make_call(i);
			_exit(0);
		}
		if (wait_for(child) != 0)
			return 1;
	}
	return 0;
}

static int execute_one(char **argv, long number)
{
	pid_t child = vfork();

	if (child == 0)
		execute(argv, "leaf", number, 1);
	return wait_for(child);
}

static int execute_each(char **argv, long count)
{
	for (long i = 0; i < count; i++)
		if (execute_one(argv, i) != 0)
			return 1;
	return 0;
}

static int chain(long number, long count)
{
	pid_t child;

	make_call(number);
	if (number + 1 == count)
		return 0;
	child = fork();
	if (child == 0)
		_exit(chain(number + 1, count));
	return wait_for(child);
}

static void *allocate(void *unused)
{
	while (!stop) {
		void *block[8];

		for (int i = 0; i < 8; i++)
			block[i] = malloc(60000);
		for (int i = 8; i-- > 0;)
			free(block[i]);
	}
	return unused;
}

/* One arena, trimmed at once: so that the threads move the break and hold malloc's lock. */
static int storm(long count)
{
	pthread_t thread[4];
	int ret;

	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, allocate, NULL);
	ret = fork_each(count);
	stop = true;
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	return ret;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
	long number = argc > 3 ? strtol(argv[3], NULL, 10) : 0;

	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "fork") == 0)
		return fork_each(count);
	if (strcmp(argv[1], "exec") == 0)
		return execute_each(argv, count);
	if (strcmp(argv[1], "chain") == 0)
		return chain(0, count);
	if (strcmp(argv[1], "storm") == 0)
		return storm(count);
	make_call(number); /* leaf, image */
	if (number + 1 < count)
		execute(argv, argv[1], number + 1, count);
	return 0;
}
