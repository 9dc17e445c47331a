/* SPDX-License-Identifier: MIT */
/* Makes all six calls in turn, one in each step, with results that are known beforehand. */
#ifndef MEMSHIM_TESTS_CYCLE_H
#define MEMSHIM_TESTS_CYCLE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/shm.h>
#include <unistd.h>

/* One per thread. Only one thread of a process may move the break. */
struct cycle {
	uint64_t step;
	int shmid;
	void *address;
	bool moves_break;
	bool amid_forks; /* children of other threads may inherit its attachment */
};

/* Makes the next call. True when its result was right. */
static inline bool cycle_step(struct cycle *cycle)
{
	struct shmid_ds facts;

	switch (cycle->step++ % (cycle->moves_break ? 9 : 6)) {
	case 0:
		cycle->shmid = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
		return cycle->shmid >= 0;
	case 1:
		cycle->address = shmat(cycle->shmid, NULL, 0);
		return cycle->address != (void *)-1;
	case 2:
		return shmctl(cycle->shmid, IPC_STAT, &facts) == 0 &&
		       (facts.shm_nattch == 1 || cycle->amid_forks);
	case 3:
		return shmdt(cycle->address) == 0;
	case 4:
		return shmctl(cycle->shmid, IPC_RMID, NULL) == 0;
	case 5:
		return shmdt((void *)1) == -1 && errno == EINVAL;
	case 6:
		return sbrk(8192) != (void *)-1;
	case 7:
		return sbrk(-4096) != (void *)-1;
	default:
		return brk((char *)sbrk(0) - 4096) == 0;
	}
}

#endif
