/* SPDX-License-Identifier: MIT */
#ifndef MEMSHIM_RECORDER_RECORD_OPTIONS_H
#define MEMSHIM_RECORDER_RECORD_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct record_options {
	const char *output; /* pattern with %p %e %t %% */
	uint64_t log_bytes; /* 0: the default */
	uint32_t stack_depth;
	bool no_follow;
	bool no_compress;
	bool wait_all;
	bool quiet;
	int error_exitcode; /* 0: off */
	struct suppression *suppressions; /* null: none */
	char **command;     /* argv of COMMAND, null-terminated */
};

/* Returns 0, or the exit code after one line on standard error. */
int options_parse(struct record_options *options, int argc, char **argv);

/* Fills in the pattern for COMMAND's process; false when the name grows too long. */
bool options_output(const struct record_options *options, long pid, char path[PATH_MAX]);

#endif
