/* SPDX-License-Identifier: MIT */
/*
 * edges: calls the functions of the break and of shared memory with every unusual argument, and
 * prints results and errno. Values that differ from run to run are printed relative: addresses as
 * the distance from the first break, ids only as present or not. So two runs print the same text.
 */
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "tests/targets/say.h"

static char *origin; /* the first break */

static char *kernel_break(void)
{
	long at;

#if defined(__x86_64__)
	__asm__ volatile("syscall" : "=a"(at) : "a"(SYS_brk), "D"(0) : "rcx", "r11", "memory");
#else
	register long x8 __asm__("x8") = SYS_brk;
	register long x0 __asm__("x0") = 0;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8) : "memory");
	at = x0;
#endif
	return (char *)at;
}

#define SAY_BREAK(call)                                                                        \
	do {                                                                                   \
		errno = UNTOUCHED;                                                             \
		long ret = (long)(call);                                                       \
		int error = errno;                                                             \
		SAY("%s = %s%ld, errno %d, break %+ld\n", #call, is_near(ret) ? "break " : "", \
		    is_near(ret) ? ret - (long)origin : ret, error, kernel_break() - origin);  \
	} while (0)

#define SAY_SHM(call)                             \
	do {                                      \
		errno = UNTOUCHED;                \
		long ret = (long)(call);          \
		int error = errno;                \
		SAY("%s = %s, errno %d\n", #call, \
		    ret == -1 ? "-1"              \
		    : ret     ? "something"       \
			      : "0",                  \
		    error);                       \
	} while (0)

static bool is_near(long address)
{
	return address - (long)origin < 1l << 32 && (long)origin - address < 1l << 32;
}

static void try_brk(void)
{
	SAY_BREAK(brk(NULL));
	SAY_BREAK(brk(origin + 1));
	SAY_BREAK(brk(origin + 4095));
	SAY_BREAK(brk(origin + 3 * 4096 + 17));
	SAY_BREAK(brk(origin + 3 * 4096 + 17));
	SAY_BREAK(brk((void *)1));
	SAY_BREAK(brk(origin - 4096));
	SAY_BREAK(brk(origin));
	SAY_BREAK(brk((void *)-1));
	SAY_BREAK(brk((void *)(1ul << 63)));
	SAY_BREAK(brk((void *)(1ul << 46)));
	SAY_BREAK(brk(&origin));
	SAY_BREAK(brk(line));
}

static void try_sbrk(void)
{
	SAY_BREAK(sbrk(0));
	SAY_BREAK(sbrk(1));
	SAY_BREAK(sbrk(-1));
	SAY_BREAK(sbrk(8192));
	SAY_BREAK(sbrk(-4096));
	SAY_BREAK(sbrk(-4096));
	SAY_BREAK(sbrk(-(1l << 22)));
	SAY_BREAK(sbrk(INTPTR_MAX));
	SAY_BREAK(sbrk(INTPTR_MIN));
	SAY_BREAK(sbrk(INTPTR_MIN / 2));
	SAY_BREAK(sbrk(1l << 46));
	SAY_BREAK(sbrk(0));
}

/*
 * The kernel's answer to a raw brk(2), and what libc does after the break moved without its
 * knowledge.
 */
static void try_raw_brk(void)
{
	SAY_BREAK(syscall(SYS_brk, 0));
	SAY_BREAK(syscall(SYS_brk, origin + 8192));
	SAY_BREAK(sbrk(0));
	SAY_BREAK(sbrk(4096));
	SAY_BREAK(syscall(SYS_brk, -1));
	SAY_BREAK(syscall(SYS_brk, origin));
	SAY_BREAK(brk(origin));
	SAY_BREAK(sbrk(0));
}

static void try_limits(void)
{
	struct rlimit old, tight = {1 << 20, RLIM_INFINITY};

	getrlimit(RLIMIT_DATA, &old);
	tight.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_DATA, &tight);
	SAY_BREAK(sbrk(2 << 20));
	SAY_BREAK(brk(origin + (2 << 20)));
	SAY_BREAK(sbrk(4096));
	SAY_BREAK(sbrk(-4096));
	setrlimit(RLIMIT_DATA, &old);
	SAY_BREAK(sbrk(2 << 20));
	SAY_BREAK(sbrk(-(2 << 20)));
}

/* A mapping just above the break, which stops its growth. */
static void try_blocked(void)
{
	char *above = (char *)(((uintptr_t)sbrk(0) + 2 * 4096) & ~4095ul);
	int id = shmget(IPC_PRIVATE, 4096, 0600);

	SAY_SHM(shmat(id, above, 0) == above);
	SAY_BREAK(sbrk(4096 * 4));
	SAY_BREAK(brk(above));
	SAY_SHM(shmdt(above));
	SAY_BREAK(brk(origin + 4096 * 4));
	SAY_BREAK(brk(origin));
	shmctl(id, IPC_RMID, NULL);
}

static void try_shmget(void)
{
	int key = FIRST_KEY, id;

	SAY_SHM(shmget(key, 4096, 0));
	SAY_SHM(shmget(key, 0, IPC_CREAT | 0600));
	SAY_SHM(shmget(key, SIZE_MAX, IPC_CREAT | 0600));
	SAY_SHM(shmget(key, SIZE_MAX >> 1, IPC_CREAT | 0600));
	SAY_SHM(id = shmget(key, 8192, IPC_CREAT | 0600));
	SAY_SHM(shmget(key, 8192, IPC_CREAT | IPC_EXCL | 0600));
	SAY_SHM(shmget(key, 8192, IPC_CREAT | 0600) == id);
	SAY_SHM(shmget(key, 16384, 0));
	SAY_SHM(shmget(key, 0, 0) == id);
	SAY_SHM(shmctl(id, IPC_RMID, NULL));
	SAY_SHM(id = shmget(IPC_PRIVATE, 1, 0x7f000000 | 0600));
	SAY_SHM(shmctl(id, IPC_RMID, NULL));
	SAY_SHM(id = shmget(IPC_PRIVATE, 1, 0));
	SAY_SHM(shmctl(id, IPC_RMID, NULL));
	SAY_SHM(shmget(IPC_PRIVATE, 1, SHM_HUGETLB | 63 << 26));
}

static void try_shmat(void)
{
	int id = shmget(IPC_PRIVATE, 2 * 4096, 0600);
	char *at, *again;

	SAY_SHM(shmat(-1, NULL, 0));
	SAY_SHM(shmat(INT_MAX, NULL, 0));
	SAY_SHM(at = shmat(id, NULL, 0));
	SAY_SHM(shmat(id, at + 1, 0));
	SAY_SHM(shmat(id, at, 0));
	SAY_SHM(shmat(id, at + 4097, SHM_RND));
	SAY_SHM(shmat(id, NULL, SHM_REMAP));
	SAY_SHM(shmat(id, at, SHM_REMAP) == at);
	SAY_SHM(shmdt(at));
	SAY_SHM(shmdt(at));
	SAY_SHM(shmat(id, at + 123, SHM_RND) == at);
	SAY_SHM(again = shmat(id, NULL, SHM_RDONLY));
	SAY_SHM(shmdt(again));
	SAY_SHM(again = shmat(id, NULL, SHM_EXEC));
	SAY_SHM(shmdt(again));
	SAY_SHM(again = shmat(id, NULL,
			      0x7fff0000 & ~(SHM_REMAP | SHM_RND | SHM_RDONLY | SHM_EXEC)));
	SAY_SHM(shmdt(again));
	SAY_SHM(shmat(id, (void *)(1ul << 63), 0));
	SAY_SHM(shmdt(at));
	SAY_SHM(shmctl(id, IPC_RMID, NULL));
	SAY_SHM(shmat(id, NULL, 0));
}

static void try_shmdt(void)
{
	int id = shmget(IPC_PRIVATE, 4 * 4096, 0600);
	char *at;

	SAY_SHM(shmdt(NULL));
	SAY_SHM(shmdt((void *)1));
	SAY_SHM(shmdt((void *)-1));
	SAY_SHM(at = shmat(id, NULL, 0));
	SAY_SHM(shmdt(at + 1));
	SAY_SHM(shmdt(at + 4096));
	SAY_SHM(munmap(at, 4 * 4096));
	SAY_SHM(shmdt(at));
	SAY_SHM(at = shmat(id, NULL, 0));
	SAY_SHM(munmap(at, 4096));
	SAY_SHM(shmdt(at));
	SAY_SHM(shmdt(at + 4096));
	SAY_SHM(at = shmat(id, NULL, 0));
	SAY_SHM(munmap(at + 4096, 4096));
	SAY_SHM(shmdt(at));
	SAY_SHM(at = shmat(id, NULL, 0));
	SAY_SHM(mmap(at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
	SAY_SHM(shmdt(at));
	SAY_SHM(shmctl(id, IPC_RMID, NULL));
}

static void try_shmctl(void)
{
	int id = shmget(IPC_PRIVATE, 4096, 0640);
	struct shmid_ds facts;
	struct shminfo limits;
	struct shm_info usage;
	char *at = shmat(id, NULL, 0);

	memset(&facts, 0, sizeof facts);
	SAY_SHM(shmctl(id, IPC_STAT, &facts));
	SAY("size %zu, mode %o, attached %lu\n", facts.shm_segsz, facts.shm_perm.mode,
	    (unsigned long)facts.shm_nattch);
	SAY_SHM(shmctl(id, IPC_STAT, NULL));
	SAY_SHM(shmctl(id, IPC_STAT, (void *)1));
	SAY_SHM(shmctl(id, IPC_SET, NULL));
	facts.shm_perm.mode = 0600;
	SAY_SHM(shmctl(id, IPC_SET, &facts));
	SAY_SHM(shmctl(-1, IPC_STAT, &facts));
	SAY_SHM(shmctl(INT_MAX, IPC_RMID, NULL));
	SAY_SHM(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits) >= 0);
	SAY_SHM(shmctl(0, SHM_INFO, (struct shmid_ds *)&usage) >= 0);
	SAY_SHM(shmctl(-1, SHM_STAT, &facts));
	SAY_SHM(shmctl(id, SHM_LOCK, NULL));
	SAY_SHM(shmctl(id, SHM_UNLOCK, NULL));
	SAY_SHM(shmctl(id, 9999, NULL));
	SAY_SHM(shmctl(id, -1, NULL));
	SAY_SHM(shmctl(id, IPC_RMID | 0x100, NULL));
	SAY_SHM(shmctl(id, IPC_RMID, NULL));
	SAY_SHM(shmctl(id, IPC_STAT, &facts));
	SAY("mode %o\n", facts.shm_perm.mode);
	SAY_SHM(shmdt(at));
	SAY_SHM(shmctl(id, IPC_RMID, NULL));
}

static void try_syscall(void)
{
	long id;

	SAY_SHM(id = syscall(SYS_shmget, IPC_PRIVATE, 4096, 0600));
	SAY_SHM(syscall(SYS_shmat, -1, NULL, 0));
	SAY_SHM(syscall(SYS_shmdt, NULL));
	SAY_SHM(syscall(SYS_shmctl, id, IPC_RMID, NULL));
	SAY_SHM(syscall(SYS_shmctl, id, IPC_RMID, NULL));
	SAY_SHM(syscall(SYS_getpid) == getpid());
	SAY_SHM(syscall(-1));
	SAY_SHM(syscall(100000));
	SAY_SHM(syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static void say_errno(int error)
{
	SAY("errno at main: %d\n", error);
}

static void say_place(int argc)
{
	if (argc > 1) /* with an argument: compiled and run so that every run is the same */
		SAY("first break %p\n", (void *)origin);
}

static void say_attached(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int count = 0;

	while (maps && fgets(line, sizeof line, maps))
		count += strstr(line, "/SYSV") != NULL;
	if (maps)
		fclose(maps);
	SAY("attached at the end: %d\n", count);
}

int main(int argc, char **argv)
{
	int error = errno;

	(void)argv;
	origin = kernel_break();
	say_errno(error);
	say_place(argc);
	try_brk();
	try_sbrk();
	try_raw_brk();
	try_limits();
	try_blocked();
	try_shmget();
	try_shmat();
	try_shmdt();
	try_shmctl();
	try_syscall();
	say_attached();
	return 42;
}
