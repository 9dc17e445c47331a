/* SPDX-License-Identifier: MIT */
/*
 * The shim that people write by hand: it calls the next function by dlsym, and writes a line of
 * text for each call into a file. The file is flushed after each line, because the program may die
 * at any moment. BENCH_LOG names the file.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static FILE *out;
static char buffer[8192]; /* stdio would allocate its buffer with malloc, which may be the caller */

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("BENCH_LOG");

	out = path ? fopen(path, "ae") : NULL;
	if (out)
		setvbuf(out, buffer, _IOLBF, sizeof buffer);
}

#define WRITE(...)                                                                            \
	do {                                                                                  \
		struct timespec ts;                                                           \
                                                                                              \
		clock_gettime(CLOCK_MONOTONIC, &ts);                                          \
		if (out) {                                                                    \
			fprintf(out, "%ld.%09ld %d ", (long)ts.tv_sec, ts.tv_nsec, getpid()); \
			fprintf(out, __VA_ARGS__);                                            \
		}                                                                             \
	} while (0)

int brk(void *address)
{
	static __typeof__(&brk) next;
	int ret;

	if (!next)
		next = NEXT(brk);
	ret = next(address);
	WRITE("brk(%p) = %d\n", address, ret);
	return ret;
}

void *sbrk(intptr_t increment)
{
	static __typeof__(&sbrk) next;
	void *ret;

	if (!next)
		next = NEXT(sbrk);
	ret = next(increment);
	WRITE("sbrk(%ld) = %p\n", (long)increment, ret);
	return ret;
}

int shmget(key_t key, size_t size, int flags)
{
	static __typeof__(&shmget) next;
	int ret;

	if (!next)
		next = NEXT(shmget);
	ret = next(key, size, flags);
	WRITE("shmget(%#x, %zu, %#o) = %d\n", (unsigned)key, size, (unsigned)flags, ret);
	return ret;
}

void *shmat(int shmid, const void *address, int flags)
{
	static __typeof__(&shmat) next;
	void *ret;

	if (!next)
		next = NEXT(shmat);
	ret = next(shmid, address, flags);
	WRITE("shmat(%d, %p, %#o) = %p\n", shmid, address, (unsigned)flags, ret);
	return ret;
}

int shmdt(const void *address)
{
	static __typeof__(&shmdt) next;
	int ret;

	if (!next)
		next = NEXT(shmdt);
	ret = next(address);
	WRITE("shmdt(%p) = %d\n", address, ret);
	return ret;
}

int shmctl(int shmid, int command, struct shmid_ds *facts)
{
	static __typeof__(&shmctl) next;
	int ret;

	if (!next)
		next = NEXT(shmctl);
	ret = next(shmid, command, facts);
	WRITE("shmctl(%d, %d, %p) = %d\n", shmid, command, (void *)facts, ret);
	return ret;
}
