/* SPDX-License-Identifier: MIT */
/*
 * A preload that exports what libmemshim.so does and passes every call on: what is left between
 * this and the shim is the shim's own doing.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <sys/shm.h>
#include <unistd.h>

/* The next definition of a name, looked up once; two threads that do it find the same. */
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

/* Six words are all that any system call takes, and reading more than were given does no harm. */
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
