/* SPDX-License-Identifier: MIT */
/*
 * slain PAGE CHILDREN [exec|objects]: starts children that make calls as fast as they can, and
 * kills each after a different short time: every second one possibly while it starts, the others
 * during their calls. With `exec` each child is a program of its own; with `objects` the calls are
 * those of semaphore sets and queues.
 */
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/targets/cycle.h"
#include "tests/targets/page.h"

static void work(struct page *page, unsigned long number)
{
	struct cycle cycle = {.moves_break = true};

	page->worker[number].tid = (uint64_t)getpid();
	for (;;) {
		if (!cycle_step(&cycle))
			page->wrong++;
		page->worker[number].finished = cycle.step;
	}
}

/* One call of eight in turn. True when its result was right. */
static bool object_step(uint64_t step)
{
	static struct sembuf give = {0, 1, 0}, take = {0, -1, 0};
	static struct {
		long type;
		char text[8];
	} message = {1, "text"};
	static int semid, msqid;

	switch (step % 8) {
	case 0:
		return (semid = semget(IPC_PRIVATE, 1, 0600)) >= 0;
	case 1:
		return semop(semid, &give, 1) == 0;
	case 2:
		return semop(semid, &take, 1) == 0;
	case 3:
		return (msqid = msgget(IPC_PRIVATE, 0600)) >= 0;
	case 4:
		return msgsnd(msqid, &message, sizeof message.text, 0) == 0;
	case 5:
		return msgrcv(msqid, &message, sizeof message.text, 0, 0) == sizeof message.text;
	case 6:
		return semctl(semid, 0, IPC_RMID) == 0;
	default:
		return msgctl(msqid, IPC_RMID, NULL) == 0;
	}
}

static void work_on_objects(struct page *page, unsigned long number)
{
	page->worker[number].tid = (uint64_t)getpid();
	for (uint64_t step = 0;; page->worker[number].finished = ++step)
		if (!object_step(step))
			page->wrong++;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void wait_ns(uint64_t ns)
{
	uint64_t end = now_ns() + ns;

	while (now_ns() < end)
		sched_yield();
}

/* A pseudorandom number of 31 bits. */
static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

int main(int argc, char **argv)
{
	struct page *page = page_map(argv[1]);
	bool executes = argc > 3 && strcmp(argv[3], "exec") == 0;
	bool objects = argc > 3 && strcmp(argv[3], "objects") == 0;
	unsigned long count = strtoul(argv[2], NULL, 10);
	uint64_t longest_ns = executes ? 2000000 : 400000, random = (uint64_t)getpid();

	if (argc > 3 && !executes && !objects)
		work(page, strtoul(argv[3], NULL, 10));
	for (unsigned long i = 0; i < count && i < PAGE_WORKERS; i++) {
		char number[24];
		pid_t child;

		snprintf(number, sizeof number, "%lu", i);
		child = executes ? vfork() : fork();
		if (child == 0 && executes)
			execl("/proc/self/exe", argv[0], argv[1], argv[2], number, NULL);
		if (child == 0 && objects)
			work_on_objects(page, i);
		if (child == 0)
			work(page, i);
		while (i % 2 && !page->worker[i].tid)
			sched_yield();
		wait_ns(next_random(&random) % longest_ns);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return page->wrong != 0;
}
