/* SPDX-License-Identifier: MIT */
/*
 * The floor: the least work that any recorder of these calls must do. Each call is made as libc
 * makes it. After it, one 64-byte record is stamped with the time stamp counter and written into a
 * ring of this process, in shared memory. There is no table, no stack, no reader and no other
 * process.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include "preload/common/clock.h"
#include "preload/common/raw.h"

#define RING_RECORDS (1u << 18) /* 16 MiB, as memshim's log */

struct record {
	_Atomic uint64_t published; /* the record's number, written last */
	uint64_t clock;
	uint64_t kind, result;
	uint64_t argument[4];
};
_Static_assert(sizeof(struct record) == 64, "a record is one cache line");

static struct record *ring;
static _Atomic uint64_t head;
extern char *__curbrk; /* libc's own variable of the break, which its malloc uses */

__attribute__((constructor)) static void start(void)
{
	int fd = memfd_create("floor", MFD_CLOEXEC);
	void *at = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, RING_RECORDS * sizeof *ring) == 0)
		at = mmap(NULL, RING_RECORDS * sizeof *ring, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  0);
	if (fd >= 0)
		close(fd);
	ring = at == MAP_FAILED ? NULL : at;
}

static void stamp(uint64_t kind, uint64_t result, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t number;
	struct record *record;

	if (!ring)
		return;
	number = atomic_fetch_add_explicit(&head, 1, memory_order_relaxed);
	record = ring + number % RING_RECORDS;
	record->clock = clock_counter();
	record->kind = kind;
	record->result = result;
	record->argument[0] = a;
	record->argument[1] = b;
	record->argument[2] = c;
	atomic_store_explicit(&record->published, number + 1, memory_order_release);
}

static long as_libc(long ret)
{
	if (!raw_failed(ret))
		return ret;
	errno = (int)-ret;
	return -1;
}

static int move_break(char *to)
{
	__curbrk = (char *)raw_call3(SYS_brk, (long)to, 0, 0);
	stamp(SYS_brk, (uint64_t)__curbrk, (uint64_t)to, 0, 0);
	if (__curbrk >= to)
		return 0;
	errno = ENOMEM;
	return -1;
}

int brk(void *address)
{
	return move_break(address);
}

void *sbrk(intptr_t increment)
{
	char *before;

	if (!__curbrk)
		move_break(NULL);
	before = __curbrk;
	if (increment && move_break(before + increment) != 0)
		return (void *)-1;
	return before;
}

int shmget(key_t key, size_t size, int flags)
{
	long ret = raw_call3(SYS_shmget, key, (long)size, flags);

	stamp(SYS_shmget, (uint64_t)ret, (uint64_t)key, size, (uint64_t)flags);
	return (int)as_libc(ret);
}

void *shmat(int shmid, const void *address, int flags)
{
	long ret = raw_call3(SYS_shmat, shmid, (long)address, flags);

	stamp(SYS_shmat, (uint64_t)ret, (uint64_t)shmid, (uint64_t)address, (uint64_t)flags);
	return (void *)as_libc(ret);
}

int shmdt(const void *address)
{
	long ret = raw_call3(SYS_shmdt, (long)address, 0, 0);

	stamp(SYS_shmdt, (uint64_t)ret, (uint64_t)address, 0, 0);
	return (int)as_libc(ret);
}

int shmctl(int shmid, int command, struct shmid_ds *facts)
{
	long ret = raw_call3(SYS_shmctl, shmid, command, (long)facts);

	stamp(SYS_shmctl, (uint64_t)ret, (uint64_t)shmid, (uint64_t)command, (uint64_t)facts);
	return (int)as_libc(ret);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset)
{
	long ret = raw_call6(SYS_mmap, (long)address, (long)length, protection, flags, fd, offset);

	stamp(SYS_mmap, (uint64_t)ret, (uint64_t)address, length, (uint64_t)flags);
	return (void *)as_libc(ret);
}

int munmap(void *address, size_t length)
{
	long ret = raw_call3(SYS_munmap, (long)address, (long)length, 0);

	stamp(SYS_munmap, (uint64_t)ret, (uint64_t)address, length, 0);
	return (int)as_libc(ret);
}

int semget(key_t key, int nsems, int flags)
{
	long ret = raw_call3(SYS_semget, key, nsems, flags);

	stamp(SYS_semget, (uint64_t)ret, (uint64_t)key, (uint64_t)nsems, (uint64_t)flags);
	return (int)as_libc(ret);
}

int semctl(int semid, int semnum, int command, ...)
{
	__builtin_va_list list;
	long word, ret;

	__builtin_va_start(list, command);
	word = __builtin_va_arg(list, long);
	__builtin_va_end(list);
	ret = raw_call6(SYS_semctl, semid, semnum, command, word, 0, 0);
	stamp(SYS_semctl, (uint64_t)ret, (uint64_t)semid, (uint64_t)semnum, (uint64_t)command);
	return (int)as_libc(ret);
}

int semop(int semid, struct sembuf *sops, size_t nsops)
{
	long ret = raw_call6(SYS_semtimedop, semid, (long)sops, (long)nsops, 0, 0, 0);

	stamp(SYS_semop, (uint64_t)ret, (uint64_t)semid, (uint64_t)sops, nsops);
	return (int)as_libc(ret);
}

int msgsnd(int msqid, const void *message, size_t size, int flags)
{
	long ret = raw_call6(SYS_msgsnd, msqid, (long)message, (long)size, flags, 0, 0);

	stamp(SYS_msgsnd, (uint64_t)ret, (uint64_t)msqid, size, (uint64_t)flags);
	return (int)as_libc(ret);
}

ssize_t msgrcv(int msqid, void *message, size_t size, long type, int flags)
{
	long ret = raw_call6(SYS_msgrcv, msqid, (long)message, (long)size, type, flags, 0);

	stamp(SYS_msgrcv, (uint64_t)ret, (uint64_t)msqid, size, (uint64_t)type);
	return as_libc(ret);
}
