/* SPDX-License-Identifier: MIT */
/*
 * interrupted COUNT: sends a signal every 200 microseconds while malloc moves the break. The
 * handler makes the same calls that it interrupts. Ends when both have run COUNT times. Prints the
 * number of calls inside and outside of the handler, and the errors.
 *
 * interrupted small: the handler makes all calls on a signal stack that has 2 KiB left.
 */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "tests/targets/cycle.h"

#define GUARD_BYTES 65536
#define LEFT_BYTES 2048

static volatile long ran, outside, wrong;
static int shmid;

static void attach(int signal)
{
	int error = errno;
	void *at = shmat(shmid, NULL, 0);

	(void)signal;
	if (at == (void *)-1 || shmdt(at) != 0)
		wrong++;
	ran++;
	errno = error;
}

static void cycle(int signal)
{
	struct cycle cycle = {.moves_break = true};

	(void)signal;
	for (int i = 0; i < 9; i++)
		if (!cycle_step(&cycle))
			wrong++;
	ran++;
}

static void move_break(long count)
{
	struct itimerval timer = {{0, 200}, {0, 200}};

	mallopt(M_TRIM_THRESHOLD, 0);
	mallopt(M_MMAP_THRESHOLD, 1 << 24);
	signal(SIGALRM, attach);
	setitimer(ITIMER_REAL, &timer, NULL);
	while (ran < count || outside < count) {
		void *block = malloc(300000), *at = shmat(shmid, NULL, 0);

		memset(block, 1, 4096);
		free(block);
		wrong += at == (void *)-1 || shmdt(at) != 0;
		outside++;
	}
	timer.it_value.tv_usec = 0;
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void use_small_stack(void)
{
	unsigned long frame = getauxval(AT_MINSIGSTKSZ);
	struct sigaction action = {.sa_handler = cycle, .sa_flags = SA_ONSTACK};
	stack_t stack = {.ss_size = (frame ? frame : 2048) + LEFT_BYTES};
	char *at = mmap(NULL, GUARD_BYTES * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(at + GUARD_BYTES, GUARD_BYTES, PROT_READ | PROT_WRITE);
	stack.ss_sp = at + GUARD_BYTES;
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	cycle(0); /* resolves the program's symbols: that needs more than the small stack */
	for (int i = 0; i < 10; i++)
		raise(SIGUSR1);
}

int main(int argc, char **argv)
{
	shmid = shmget(IPC_PRIVATE, 4096, 0600);
	if (argc > 1 && strcmp(argv[1], "small") == 0)
		use_small_stack();
	else
		move_break(argc > 1 ? strtol(argv[1], NULL, 10) : 1);
	shmctl(shmid, IPC_RMID, NULL);
	fprintf(stderr, "ran %ld, outside %ld\n", ran, outside);
	printf("wrong %ld\n", wrong);
	return 0;
}
