/* SPDX-License-Identifier: MIT */
/*
 * reloads ROUNDS A B C D: one thread loads A, calls it, unloads it, and does the same with B, which
 * the loader maps where A was. A second thread does so with C and D. Meanwhile the main thread lets
 * malloc move the break. With A and B alone, the main thread loads them.
 */
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK_BYTES 400000

static int rounds;
static atomic_int running;

__attribute__((noinline)) static void load_and_call(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	void (*call)(void) = library ? (void (*)(void))dlsym(library, "reloaded_call") : NULL;

	if (!call) {
		fprintf(stderr, "reloads: %s\n", dlerror());
		_exit(7);
	}
	call();
	dlclose(library);
}

static void move(void)
{
	void *volatile block = malloc(BLOCK_BYTES);

	free(block);
}

static void *reload(void *paths)
{
	for (int i = 0; i < rounds; i++) {
		load_and_call(((char **)paths)[0]);
		load_and_call(((char **)paths)[1]);
	}
	running--;
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[2];

	if (argc < 4)
		return 2;
	rounds = atoi(argv[1]);
	mallopt(M_MMAP_THRESHOLD, 2 * BLOCK_BYTES);
	mallopt(M_TRIM_THRESHOLD, BLOCK_BYTES / 2);
	running = argc / 2 - 1;
	if (argc < 6)
		return reload(argv + 2) != NULL;
	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, reload, argv + 2 + 2 * i) != 0)
			return 3;
	while (running > 0)
		move();
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
