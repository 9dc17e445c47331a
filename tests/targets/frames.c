/* SPDX-License-Identifier: MIT */
/*
 * frames KIND ROUNDS: makes calls from one place, with one stack pointer, on two paths in turn. The
 * frames of the two paths differ in size, so that what one path left on the stack lies where the
 * other path may take it for its own. "alloca": both paths have frames of variable size. "signal":
 * a handler on a stack of its own interrupts them.
 */
#include <alloca.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEEP __asm__ volatile("")
#define USE(pointer) __asm__ volatile("" : : "r"(pointer) : "memory")

static char other_stack[65536];
static int by_signal;

static void grow(void)
{
	if (sbrk(64) == (void *)-1)
		_exit(9);
	KEEP;
}

static void handler(int signal)
{
	(void)signal;
	grow();
}

__attribute__((noinline)) static void inner(size_t bytes)
{
	USE(alloca(bytes));
	if (by_signal)
		kill(getpid(), SIGUSR1);
	else
		grow();
	KEEP;
}

__attribute__((noinline)) static void left(size_t own, size_t inners)
{
	USE(alloca(own));
	inner(inners);
	KEEP;
}

__attribute__((noinline)) static void right(size_t own, size_t inners)
{
	USE(alloca(own));
	inner(inners);
	KEEP;
}

__attribute__((noinline)) static void call(void (*way)(size_t, size_t), size_t own, size_t inners)
{
	way(own, inners);
	KEEP;
}

int main(int argc, char **argv)
{
	stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
	int rounds = argc > 2 ? atoi(argv[2]) : 0;

	by_signal = argc > 1 && strcmp(argv[1], "signal") == 0;
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 2 * rounds; i++)
		if (by_signal)
			call(i % 2 ? right : left, i % 2 ? 64 : 4096, 64);
		else
			call(i % 2 ? right : left, i % 2 ? 64 : 1024, i % 2 ? 1024 : 64);
	return 0;
}
