/* SPDX-License-Identifier: MIT */
/*
 * libracing.so: changes a segment between two system calls of a program. RACE=N:HOW changes it
 * right before the N-th shmctl, counted from 1. RACE_LOG=1 prints the changes that the program
 * makes.
 *
 *   attach    attached by root
 *   user      attached by a user without root's rights, who prints whether that succeeded
 *   use       attached and detached
 *   set       gets another mode, in another second
 *   remove    removed
 *   renew     another segment gets its key
 *   again     another segment gets its key and id
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Done in another process, because its pid tells the new segment from the old one. */
static void make_another(int shmid, const struct shmid_ds *facts, int same_id)
{
	FILE *options = same_id ? fopen("/proc/sys/kernel/shm_next_id", "w") : NULL;

	if (options) {
		fprintf(options, "%d", shmid);
		fclose(options);
	}
	if (fork() == 0)
		_exit(syscall(SYS_shmget, facts->shm_perm.__key, facts->shm_segsz,
			      IPC_CREAT | IPC_EXCL | 0600) < 0);
	wait(NULL);
}

static void attach_as_user(int shmid)
{
	if (seteuid(65534) != 0)
		abort();
	puts(syscall(SYS_shmat, shmid, NULL, 0) == -1 ? "shut out" : "let in");
	fflush(stdout);
	if (seteuid(0) != 0)
		abort();
}

/* Done in another process. */
static void use(int shmid)
{
	if (fork() == 0)
		_exit(syscall(SYS_shmdt, syscall(SYS_shmat, shmid, NULL, SHM_RDONLY)) != 0);
	wait(NULL);
}

/* Waits for the next second: the kernel's time of change has no fractions. */
static void set_mode(int shmid, struct shmid_ds *facts)
{
	time_t then = facts->shm_ctime;

	facts->shm_perm.mode = 0600;
	do {
		syscall(SYS_shmctl, shmid, IPC_SET, facts);
		syscall(SYS_shmctl, shmid, IPC_STAT, facts);
	} while (facts->shm_ctime == then);
}

int shmctl(int shmid, int command, struct shmid_ds *buffer)
{
	const char *race = getenv("RACE");
	static int calls;
	struct shmid_ds facts;

	if (getenv("RACE_LOG"))
		dprintf(2, "%s",
			command == IPC_SET    ? "set "
			: command == IPC_RMID ? "remove "
					      : "");
	if (race && ++calls == atoi(race)) {
		syscall(SYS_shmctl, shmid, IPC_STAT, &facts);
		if (strstr(race, "attach"))
			syscall(SYS_shmat, shmid, NULL, SHM_RDONLY);
		else if (strstr(race, "user"))
			attach_as_user(shmid);
		else if (strstr(race, "use"))
			use(shmid);
		else if (strstr(race, "set"))
			set_mode(shmid, &facts);
		else
			syscall(SYS_shmctl, shmid, IPC_RMID, NULL);
		if (strstr(race, "renew") || strstr(race, "again"))
			make_another(shmid, &facts, strstr(race, "again") != NULL);
	}
	return (int)syscall(SYS_shmctl, shmid, command, buffer);
}
