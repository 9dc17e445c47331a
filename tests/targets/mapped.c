/* SPDX-License-Identifier: MIT */
/*
 * mapped: an address space with all that the map can show: a heap by sbrk alone, a segment shared
 * with a child, and a segment attached read-only a few pages above the break. Prints "mapped", the
 * child's pid, the two shmids, the break and the address of the second segment. Then obeys its
 * input: "grow", "shrink", "touch", "attach", "detach", or the end.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define SHARED_BYTES (16 * PAGE)
#define GROWN_BYTES (20 * PAGE)
#define ROOM_BYTES (3 * PAGE)

static char *shared, *extra;
static int shared_id;

/* The child keeps its inherited attachments until its parent closes the pipe or ends. */
static pid_t start_holder(const int *pipe_ends)
{
	pid_t child = fork();
	char byte;

	if (child == 0) {
		close(pipe_ends[1]);
		_exit(read(pipe_ends[0], &byte, 1) != 0);
	}
	close(pipe_ends[0]);
	return child;
}

static void *attach_above_break(int id)
{
	uintptr_t edge = ((uintptr_t)sbrk(0) + PAGE - 1) / PAGE * PAGE;

	return shmat(id, (void *)(edge + ROOM_BYTES), SHM_RDONLY);
}

static void obey(const char *order)
{
	if (strcmp(order, "grow\n") == 0)
		sbrk(PAGE);
	else if (strcmp(order, "shrink\n") == 0)
		sbrk(-PAGE);
	else if (strcmp(order, "touch\n") == 0)
		memset(shared, 1, SHARED_BYTES);
	else if (strcmp(order, "attach\n") == 0)
		extra = shmat(shared_id, NULL, 0);
	else if (strcmp(order, "detach\n") == 0)
		shmdt(extra);
	printf("done\n");
}

int main(void)
{
	static char in[BUFSIZ], out[BUFSIZ]; /* so that stdio does not move the break */
	int near_id, ends[2];
	char order[64], *near;
	pid_t child;

	setvbuf(stdin, in, _IOFBF, sizeof in);
	setvbuf(stdout, out, _IOLBF, sizeof out);
	shared_id = shmget(0x6d656d02, SHARED_BYTES, IPC_CREAT | 0640);
	near_id = shmget(IPC_PRIVATE, 100, 0600);
	shared = shmat(shared_id, NULL, 0);
	memset(shared, 1, SHARED_BYTES / 4);
	memset(sbrk(GROWN_BYTES), 1, GROWN_BYTES / 2);
	near = attach_above_break(near_id);
	if (near == (void *)-1 || pipe(ends) != 0)
		return 1;
	child = start_holder(ends);
	printf("mapped %d %d %d %p %p\n", (int)child, shared_id, near_id, sbrk(0), (void *)near);
	while (fgets(order, sizeof order, stdin))
		obey(order);
	close(ends[1]);
	waitpid(child, NULL, 0);
	return shmctl(near_id, IPC_RMID, NULL) | shmctl(shared_id, IPC_RMID, NULL);
}
