/* SPDX-License-Identifier: MIT */
/*
 * heap_walk STOP: walks the heap of a child, which has 200,000 small blocks. The walk is told to
 * stop when it asks for the STOP-th time; 0: never. Prints whether it read the whole heap, how
 * often it asked, and the heap's bytes.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/procfs/heap_chunks.h"
#include "report/procfs/proc.h"

#define BLOCKS 200000

struct asked {
	unsigned times, stop_at;
};

static bool heap_walk_must_stop(void *context)
{
	struct asked *asked = context;

	return ++asked->times == asked->stop_at;
}

int main(int argc, char **argv)
{
	struct asked asked = {0, argc > 1 ? (unsigned)atoi(argv[1]) : 0};
	struct heap_chunks heap;
	struct proc_facts facts;
	pid_t child;
	bool whole;

	for (int i = 0; i < BLOCKS; i++)
		memset(malloc(24), 1, 24);
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	if (child < 0 || !proc_facts(child, &facts))
		return 1;
	whole = heap_chunks_read(child, facts.start_break, (uint64_t)sbrk(0), &heap,
				 heap_walk_must_stop, &asked);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	printf("%s %u %llu\n", whole ? "whole" : "part", asked.times,
	       (unsigned long long)heap.heap_bytes);
	return 0;
}
