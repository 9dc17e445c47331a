/* SPDX-License-Identifier: MIT */
/*
 * torture ROUNDS: three processes of 24 threads each, all at it at once. Twenty make ROUNDS cycles
 * of tests/targets/cycle.h, one of them with the break; four fork ROUNDS children, each of which
 * makes one cycle of its own, without the break: Linux copies it at a fork before it locks what it
 * belongs to, so that a child forked amid a move may be refused its own. Says how many results were
 * not the right ones, in all.
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

/* In a child of threads: nothing but the calls. */
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
