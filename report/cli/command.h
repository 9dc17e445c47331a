/* SPDX-License-Identifier: MIT */
/*
 * The table of commands, from commands.def. Each command is a file of its own name, which defines
 * `int command_NAME(int argc, char **argv)`. argv[0] is the command's name; the result is the exit
 * code.
 */
#ifndef MEMSHIM_CLI_COMMAND_H
#define MEMSHIM_CLI_COMMAND_H

enum command {
#define COMMAND(id, name, arguments, summary) COMMAND_##id,
#include "report/cli/commands.def"
#undef COMMAND
	COMMAND_COUNT
};

#define COMMAND(id, name, arguments, summary) int command_##name(int argc, char **argv);
#include "report/cli/commands.def"
#undef COMMAND

struct command_row {
	const char *name, *arguments, *summary;
	int (*run)(int argc, char **argv);
};

extern const struct command_row command_rows[COMMAND_COUNT];

/* The number of the command of this name, or -1. */
int command_find(const char *name);

/* Prints that there is no such command and which name may be meant. Returns EXIT_USAGE. */
int command_refuse(const char *word);

#endif
