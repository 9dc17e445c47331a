/* SPDX-License-Identifier: MIT */
/*
 * moves_house SPACE: makes one cycle of all calls, enters a new namespace, makes another cycle, and
 * one in a child. Prints the number of wrong results. SPACE: user, pid, ipc, time (with clocks far
 * ahead), mount, net.
 */
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "tests/targets/cycle.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static const struct {
	const char *name;
	int flag;
} spaces[] = {
	{"user", CLONE_NEWUSER}, {"pid", CLONE_NEWPID},  {"ipc", CLONE_NEWIPC},
	{"time", CLONE_NEWTIME}, {"mount", CLONE_NEWNS}, {"net", CLONE_NEWNET},
};

static int make_cycle(void)
{
	struct cycle cycle = {.moves_break = true};
	int wrong = 0;

	while (cycle.step < 9)
		wrong += !cycle_step(&cycle);
	return wrong;
}

/* For children: this process itself keeps its clocks. */
static bool set_clocks(void)
{
	static const char shifts[] = "monotonic 200000 5\nboottime 200000 5\n";
	FILE *file = fopen("/proc/self/timens_offsets", "w");
	bool done = file && fputs(shifts, file) >= 0;

	return (!file || fclose(file) == 0) && done;
}

static bool move(const char *name)
{
	for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
		if (strcmp(spaces[i].name, name) == 0)
			return unshare(spaces[i].flag) == 0 &&
			       (spaces[i].flag != CLONE_NEWTIME || set_clocks());
	return false;
}

int main(int argc, char **argv)
{
	int wrong = make_cycle(), status = 0;
	pid_t child;

	if (argc > 1 && !move(argv[1]))
		return 3;
	wrong += make_cycle();
	child = fork();
	if (child == 0)
		_exit(make_cycle());
	waitpid(child, &status, 0);
	printf("wrong: %d\n", wrong + WEXITSTATUS(status));
	return 0;
}
