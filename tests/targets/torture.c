/* SPDX-License-Identifier: MIT */
/*
 * torture ROUNDS: runs three processes of 24 threads each at the same time. Twenty threads make
 * ROUNDS cycles of tests/targets/cycle.h, one of them with the break. Four fork ROUNDS children;
 * each child makes one cycle without the break. (At a fork, Linux copies the break before it locks
 * the memory map, so a child that is forked during a move may be refused its own move.) Prints the
 * number of wrong results of all processes.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/targets/cycle.h"

#define PROCESSES 3
#define FORKERS 4
#define THREADS 24

static _Atomic uint64_t *wrong; /* of all processes */
static uint64_t rounds;

/* A child of a process with threads: makes only the calls. */
static void make_cycles(bool moves_break, uint64_t count)
{
	struct cycle cycle = {.moves_break = moves_break, .amid_forks = true};

	while (cycle.step < count * (moves_break ? 9 : 6))
		if (!cycle_step(&cycle))
			atomic_fetch_add(wrong, 1);
}

static void *run_cycles(void *moves_break)
{
	make_cycles(moves_break != NULL, rounds);
	return NULL;
}

static void *run_forks(void *unused)
{
	for (uint64_t i = 0; i < rounds; i++) {
		pid_t child = fork();
		int status = 0;

		if (child == 0) {
			make_cycles(false, 1);
			_exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
			atomic_fetch_add(wrong, 1);
	}
	return unused;
}

static void run_threads(void)
{
	pthread_t thread[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, i < FORKERS ? run_forks : run_cycles,
				   i == FORKERS ? &rounds : NULL) != 0)
			exit(3);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
}

int main(int argc, char **argv)
{
	rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 1;
	wrong = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < PROCESSES; i++)
		if (fork() == 0) {
			run_threads();
			return 0;
		}
	while (wait(NULL) > 0)
		;
	printf("wrong: %llu\n", (unsigned long long)*wrong);
	return *wrong != 0;
}
