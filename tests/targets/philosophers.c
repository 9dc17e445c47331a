/* SPDX-License-Identifier: MIT */
/*
 * philosophers COUNT: each process takes the semaphore on its left, waits until all have done so,
 * and takes the one on its right: all wait for each other. Prints "stuck" when all have the first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 32

static void dine(int semid, int i, int count)
{
	struct sembuf left = {(unsigned short)i, -1, 0}, told = {(unsigned short)count, -1, 0};
	struct sembuf all = {(unsigned short)count, 0, 0};
	struct sembuf right = {(unsigned short)((i + 1) % count), -1, 0};

	semop(semid, &left, 1);
	semop(semid, &told, 1);
	semop(semid, &all, 1);
	semop(semid, &right, 1);
	_exit(0);
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 2, semid;
	unsigned short values[MOST + 1];
	struct sembuf all = {0, 0, 0};

	if (count < 2 || count > MOST)
		return 2;
	semid = semget(IPC_PRIVATE, count + 1, IPC_CREAT | 0600);
	for (int i = 0; i < count; i++)
		values[i] = 1;
	values[count] = (unsigned short)count;
	if (semctl(semid, 0, SETALL, values) != 0)
		return 1;
	for (int i = 0; i < count; i++)
		if (fork() == 0)
			dine(semid, i, count);
	all.sem_num = (unsigned short)count;
	semop(semid, &all, 1);
	puts("stuck");
	fflush(stdout);
	while (wait(NULL) > 0)
		;
	return 0;
}
