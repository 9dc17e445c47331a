/* SPDX-License-Identifier: MIT */
/*
 * workers PAGE THREADS: starts threads that make calls as fast as they can, as many as the page
 * allows. They count in the page each call that has returned. A test that kills the program knows
 * from the page which calls the log must hold.
 */
#include <pthread.h>

#include "tests/targets/cycle.h"
#include "tests/targets/page.h"

static struct page *page;

static void *work(void *context)
{
	uintptr_t number = (uintptr_t)context;
	struct cycle cycle = {.moves_break = number == 0};

	page->worker[number].tid = (uint64_t)gettid();
	while (!page->stop) {
		if (cycle.step >= page->limit) {
			usleep(200);
			continue;
		}
		if (!cycle_step(&cycle))
			page->wrong++;
		page->worker[number].finished = cycle.step;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uintptr_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	pthread_t thread[16];

	page = page_map(argv[1]);
	page->pid = (uint64_t)getpid();
	for (uintptr_t i = 1; i < count && i < 16; i++)
		pthread_create(&thread[i], NULL, work, (void *)i);
	work((void *)0);
	for (uintptr_t i = 1; i < count && i < 16; i++)
		pthread_join(thread[i], NULL);
	printf("wrong results: %llu\n", (unsigned long long)page->wrong);
	return page->wrong != 0;
}
