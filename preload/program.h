/* SPDX-License-Identifier: MIT */
/* Identifies the program: its file, command line and short name. Start-up and registration. */
#ifndef MEMSHIM_PROGRAM_H
#define MEMSHIM_PROGRAM_H

#include "shim.h"

/* Fills in shim.exe and shim.cmdline. Start-up only. */
void program_learn(int argc, char **argv);

/* The current short name of the process. */
void program_name(char comm[PROGRAM_COMM_BYTES]);

#endif
