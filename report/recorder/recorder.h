/* SPDX-License-Identifier: MIT */
/* `memshim record`: runs COMMAND with the shim and saves the events that the shim logs. */
#ifndef MEMSHIM_RECORDER_RECORDER_H
#define MEMSHIM_RECORDER_RECORDER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct record_options {
	const char *output; /* a pattern with %p, %e, %t and %% */
	uint64_t log_bytes; /* 0: the default */
	uint32_t stack_depth;
	int32_t sample_ms; /* between two samples of a process; 0: none; -1: as its age wants */
	bool no_follow;
	bool anonymous;
	bool no_compress;
	bool wait_all;
	char **command; /* argv of COMMAND, null-terminated */
};

struct record_result {
	int fd;              /* the recording; the caller closes it */
	char path[PATH_MAX]; /* its name when it was created */
	bool complete;       /* false: recorder_run has printed why not */
	int exit_code;       /* of COMMAND; 128+N when signal N ended it */
};

/*
 * Returns 0 when COMMAND ran and ended. Otherwise prints one line, returns an enum exit_code and
 * leaves *result unset.
 */
int recorder_run(const struct record_options *options, struct record_result *result);

#endif
