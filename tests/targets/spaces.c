/* SPDX-License-Identifier: MIT */
/* spaces HOW: creates address spaces and changes the attachments in them. Prints what it sees. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/targets/cycle.h"

static int shmid;

static int shm_count(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int count = 0;

	while (maps && fgets(line, sizeof line, maps))
		count += strstr(line, "/SYSV") != NULL;
	if (maps)
		fclose(maps);
	return count;
}

static void say_count(void)
{
	printf("attachments: %d\n", shm_count());
	fflush(stdout);
}

static void *attach(void)
{
	return shmat(shmid, NULL, 0);
}

/* The child shares its parent's memory: a detach in it detaches for both. */
static void try_vfork(void)
{
	void *first = attach();
	pid_t child;

	attach();
	child = vfork();
	if (child == 0)
		_exit(shmdt(first) != 0 || sbrk(4096) == (void *)-1);
	waitpid(child, NULL, 0);
	say_count();
}

static int run_clone(void *address)
{
	return shmdt(address) != 0 || sbrk(4096) == (void *)-1;
}

static void try_clone_vm(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	void *first = attach();
	pid_t child;

	attach();
	child = clone(run_clone, stack + sizeof stack, CLONE_VM | SIGCHLD, first);
	waitpid(child, NULL, 0);
	say_count();
}

/* The child has copies: a detach in it leaves the parent's attachment. */
static void try_fork(void)
{
	void *first = attach();
	pid_t child;

	attach();
	child = fork();
	if (child == 0) {
		shmdt(first);
		say_count();
		_exit(0);
	}
	waitpid(child, NULL, 0);
	say_count();
}

/* Ends attachments without shmdt: a second one replaces the first, and a shmdt finds nothing. */
static void try_munmap(void)
{
	void *stays = attach(), *goes = attach();

	munmap(goes, 8192);
	shmat(shmid, goes, 0);
	munmap(goes, 8192);
	shmdt(goes);
	printf("kept: %d\n", stays != goes);
	say_count();
}

/* An attachment that replaces another one. */
static void try_remap(void)
{
	void *first = attach();

	shmat(shmid, first, SHM_REMAP);
	shmat(shmid, first, SHM_REMAP);
	say_count();
}

static void try_close(void)
{
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	attach();
	say_count();
}

static void try_chroot(void)
{
	pid_t child;

	if (chroot(".") != 0)
		perror("chroot");
	attach();
	child = fork();
	if (child == 0)
		_exit(attach() == (void *)-1);
	waitpid(child, NULL, 0);
}

static void try_many(void)
{
	static int id[4000];
	int failed = 0;

	for (int i = 0; i < 4000; i++)
		if ((id[i] = shmget(IPC_PRIVATE, 4096, 0600)) < 0 ||
		    shmat(id[i], NULL, 0) == (void *)-1)
			failed++;
	for (int i = 0; i < 4000; i++)
		failed += shmctl(id[i], IPC_RMID, NULL) != 0;
	printf("failed: %d\n", failed);
	say_count();
}

static const struct {
	const char *name;
	void (*run)(void);
} ways[] = {
	{"vfork", try_vfork},   {"clone_vm", try_clone_vm}, {"fork", try_fork},
	{"munmap", try_munmap}, {"remap", try_remap},       {"close", try_close},
	{"chroot", try_chroot}, {"many", try_many},
};

int main(int argc, char **argv)
{
	shmid = shmget(IPC_PRIVATE, 8192, 0600);
	for (size_t i = 0; argc > 1 && i < sizeof ways / sizeof *ways; i++)
		if (strcmp(argv[1], ways[i].name) == 0)
			ways[i].run();
	return shmctl(shmid, IPC_RMID, NULL) != 0;
}
