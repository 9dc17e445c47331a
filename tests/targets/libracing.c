/* SPDX-License-Identifier: MIT */
/*
 * libracing.so: between two looks of a program at a segment somebody is quicker. RACE=N:attach,
 * N:remove or N:renew does that to the segment right before the N-th shmctl, from 1 on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

int shmctl(int shmid, int command, struct shmid_ds *buffer)
{
	const char *race = getenv("RACE");
	static int calls;
	struct shmid_ds facts;

	if (race && ++calls == atoi(race)) {
		syscall(SYS_shmctl, shmid, IPC_STAT, &facts);
		if (strstr(race, "attach"))
			syscall(SYS_shmat, shmid, NULL, SHM_RDONLY);
		else
			syscall(SYS_shmctl, shmid, IPC_RMID, NULL);
		if (strstr(race, "renew"))
			syscall(SYS_shmget, facts.shm_perm.__key, facts.shm_segsz,
				IPC_CREAT | IPC_EXCL | 0600);
	}
	return (int)syscall(SYS_shmctl, shmid, command, buffer);
}
