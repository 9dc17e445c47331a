/* SPDX-License-Identifier: MIT */
/* Which program this is: its file, its command line, its short name. Start-up and registration. */
#ifndef MEMSHIM_PROGRAM_H
#define MEMSHIM_PROGRAM_H

#include "shim.h"

/* Fills in shim.exe and shim.cmdline. Start-up only. */
void program_learn(int argc, char **argv);

/* The short name that the process has now. */
void program_name(char comm[PROGRAM_COMM_BYTES]);

#endif
