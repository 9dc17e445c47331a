/* SPDX-License-Identifier: MIT */
/*
 * threads COUNT CYCLES: starts threads that attach and detach one segment at the same time, CYCLES
 * times each. Prints the number of calls, and of failed calls.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>

static pthread_barrier_t together;
static atomic_long failures;
static long cycles;
static int shmid;

static void *cycle(void *unused)
{
	pthread_barrier_wait(&together);
	for (long i = 0; i < cycles; i++) {
		void *at = shmat(shmid, NULL, i % 2 ? SHM_RDONLY : 0);

		if (at == (void *)-1 || shmdt(at) != 0)
			failures++;
	}
	return unused;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? strtol(argv[1], NULL, 10) : 1;
	pthread_t thread[64];

	cycles = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
	shmid = shmget(IPC_PRIVATE, 4096, 0600);
	pthread_barrier_init(&together, NULL, (unsigned)count);
	for (long i = 0; i < count && i < 64; i++)
		pthread_create(&thread[i], NULL, cycle, NULL);
	for (long i = 0; i < count && i < 64; i++)
		pthread_join(thread[i], NULL);
	printf("%ld attached, %ld failed\n", count * cycles, (long)failures);
	return shmctl(shmid, IPC_RMID, NULL) == 0 && failures == 0 ? 0 : 1;
}
