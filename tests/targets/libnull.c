/* SPDX-License-Identifier: MIT */
/*
 * A preloaded library that exports the same functions as libmemshim.so and passes every call on.
 * The difference between its cost and the shim's is the cost of the shim's own work.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

/* The next definition of a name, looked up once. Two threads that look it up find the same one. */
#define NEXT(name)                                                           \
	({                                                                   \
		static __typeof__(&(name)) next;                             \
		if (!next)                                                   \
			next = (__typeof__(&(name)))dlsym(RTLD_NEXT, #name); \
		next;                                                        \
	})

void *__sbrk(intptr_t increment);

int brk(void *address)
{
	return NEXT(brk)(address);
}

void *sbrk(intptr_t increment)
{
	return NEXT(sbrk)(increment);
}

void *__sbrk(intptr_t increment)
{
	return NEXT(__sbrk)(increment);
}

int shmget(key_t key, size_t size, int flags)
{
	return NEXT(shmget)(key, size, flags);
}

void *shmat(int shmid, const void *address, int flags)
{
	return NEXT(shmat)(shmid, address, flags);
}

int shmdt(const void *address)
{
	return NEXT(shmdt)(address);
}

int shmctl(int shmid, int command, struct shmid_ds *facts)
{
	return NEXT(shmctl)(shmid, command, facts);
}

int semget(key_t key, int nsems, int flags)
{
	return NEXT(semget)(key, nsems, flags);
}

/* The union semun is one word, given or not. */
int semctl(int semid, int semnum, int command, ...)
{
	__builtin_va_list list;
	long word;

	__builtin_va_start(list, command);
	word = __builtin_va_arg(list, long);
	__builtin_va_end(list);
	return NEXT(semctl)(semid, semnum, command, word);
}

int semop(int semid, struct sembuf *sops, size_t nsops)
{
	return NEXT(semop)(semid, sops, nsops);
}

int semtimedop(int semid, struct sembuf *sops, size_t nsops, const struct timespec *timeout)
{
	return NEXT(semtimedop)(semid, sops, nsops, timeout);
}

int msgget(key_t key, int flags)
{
	return NEXT(msgget)(key, flags);
}

int msgctl(int msqid, int command, struct msqid_ds *facts)
{
	return NEXT(msgctl)(msqid, command, facts);
}

int msgsnd(int msqid, const void *message, size_t size, int flags)
{
	return NEXT(msgsnd)(msqid, message, size, flags);
}

ssize_t msgrcv(int msqid, void *message, size_t size, long type, int flags)
{
	return NEXT(msgrcv)(msqid, message, size, type, flags);
}

/* A system call takes at most six words. Reading more words than the caller gave does no harm. */
long syscall(long number, ...)
{
	long word[6];
	__builtin_va_list list;

	__builtin_va_start(list, number);
	for (int i = 0; i < 6; i++)
		word[i] = __builtin_va_arg(list, long);
	__builtin_va_end(list);
	return NEXT(syscall)(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}
