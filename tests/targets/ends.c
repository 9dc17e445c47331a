/* SPDX-License-Identifier: MIT */
/* ends HOW: makes nine calls, and then ends in the way HOW. `daemon` makes nine more. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/targets/cycle.h"

static void make_calls(void)
{
	struct cycle cycle = {.moves_break = true};

	for (int i = 0; i < 9; i++)
		if (!cycle_step(&cycle))
			_exit(99);
}

static void by_return(void)
{
}

static void by__exit(void)
{
	_exit(4);
}

static void by_exit(void)
{
	exit(5);
}

static void by_quick_exit(void)
{
	quick_exit(6);
}

static void by_abort(void)
{
	abort();
}

static void by_sigsegv(void)
{
	volatile char *volatile nowhere = NULL;

	*nowhere = 1;
}

static void by_sigkill(void)
{
	raise(SIGKILL);
}

static void by_exec(void)
{
	execl("/bin/sh", "sh", "-c", "exit 7", NULL);
}

static void by_failed_exec(void)
{
	execl("/nonexistent", "nonexistent", NULL);
	make_calls();
	_exit(8);
}

static void by_daemon(void)
{
	if (daemon(1, 1) == 0)
		make_calls();
	exit(9);
}

static void by_thread_exit(void)
{
	pthread_exit(NULL);
}

static void *end_process(void *unused)
{
	exit(10);
	return unused;
}

static void by_other_thread(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, end_process, NULL);
	pthread_join(thread, NULL);
}

static const struct {
	const char *name;
	void (*end)(void);
} ways[] = {
#define WAY(name)                \
	{                        \
#name, by_##name \
	}
	WAY(return ),     WAY(_exit),   WAY(exit),        WAY(quick_exit),
	WAY(abort),       WAY(sigsegv), WAY(sigkill),     WAY(exec),
	WAY(failed_exec), WAY(daemon),  WAY(thread_exit), WAY(other_thread),
};

int main(int argc, char **argv)
{
	make_calls();
	for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			ways[i].end();
	return 3;
}
