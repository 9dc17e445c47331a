/* SPDX-License-Identifier: MIT */
/*
 * walks KIND [PLUGIN]: moves the break from many kinds of frames: a static function, recursion, a
 * tail call, a function with a frame of unknown size, a thread, a signal handler (also on its own
 * stack), a plug-in.
 */
#include <alloca.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP __asm__ volatile("")

static char other_stack[65536];

__attribute__((noinline)) static void grow(void)
{
	if (sbrk(4096) == (void *)-1)
		_exit(9);
	KEEP;
}

__attribute__((noinline)) static void middle(void)
{
	grow();
	KEEP;
}

__attribute__((noinline)) static void deep(int more)
{
	if (more)
		deep(more - 1);
	else
		grow();
	KEEP;
}

__attribute__((noinline)) static void roomy(size_t bytes)
{
	volatile char *room = alloca(bytes);

	room[0] = 1;
	grow();
	KEEP;
}

__attribute__((noinline)) static void tail_callee(void)
{
	grow();
	KEEP;
}

__attribute__((noinline)) static void tail_caller(void)
{
	tail_callee();
}

static void *thread(void *unused)
{
	(void)unused;
	middle();
	return NULL;
}

static void handler(int signal)
{
	(void)signal;
	grow();
}

static void in_signal(int flags)
{
	stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	if (flags & SA_ONSTACK)
		sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
}

static void in_thread(void)
{
	pthread_t id;

	if (pthread_create(&id, NULL, thread, NULL) != 0)
		_exit(8);
	pthread_join(id, NULL);
}

static void in_plugin(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	void (*call)(void (*)(void)) = library ? (void (*)(void (*)(void)))dlsym(library,
										 "plugin_call")
					       : NULL;

	if (!call) {
		fprintf(stderr, "walks: %s\n", dlerror());
		_exit(7);
	}
	call(grow);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "static";

	if (strcmp(kind, "static") == 0)
		middle();
	else if (strcmp(kind, "deep") == 0)
		deep(30);
	else if (strcmp(kind, "roomy") == 0)
		roomy(strlen(argv[0]) * 64);
	else if (strcmp(kind, "tail") == 0)
		tail_caller();
	else if (strcmp(kind, "thread") == 0)
		in_thread();
	else if (strcmp(kind, "signal") == 0)
		in_signal(0);
	else if (strcmp(kind, "altstack") == 0)
		in_signal(SA_ONSTACK);
	else if (strcmp(kind, "plugin") == 0 && argc > 2)
		in_plugin(argv[2]);
	else
		return 2;
	return 0;
}
