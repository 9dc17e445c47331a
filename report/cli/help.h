/* SPDX-License-Identifier: MIT */
/* The text of --help. */
#ifndef MEMSHIM_CLI_HELP_H
#define MEMSHIM_CLI_HELP_H

/*
 * Prints the options of one command, or the list of commands when `command` is null. Returns an
 * exit code, after one line when it is not 0.
 */
int help_show(const char *command);

#endif
