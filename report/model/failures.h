/* SPDX-License-Identifier: MIT */
/* Failed calls, one row for each program, call and error. */
#ifndef MEMSHIM_MODEL_FAILURES_H
#define MEMSHIM_MODEL_FAILURES_H

#include "report/reader/event.h"
#include "report/util/hash.h"

struct model;
struct model_process;
struct model_program;

/* All failures of one kind in one program. */
#define FAILURE_STACKS 16u
struct model_failure {
	UT_hash_handle hh;
	struct failure_key {
		const struct model_program *program;
		uint32_t call, error;
	} key;
	uint64_t count;
	uint64_t in_kernel; /* of `count`, refused by the kernel and not by libc */
	uint32_t process;   /* instance of the first failure */
	bool one_process;
	int32_t shmid;  /* -1 unknown or several */
	uint32_t stack; /* of the first failure; 0 none */
	uint32_t stacks[FAILURE_STACKS],
		stack_count; /* the different ones; above FAILURE_STACKS: only counted */
	struct event first;
	char *why; /* of the first failure, by the log before it; null: only call and error are
		      known */
	const char *advice; /* null: the advice of the table of failures */
	bool sure;          /* `why` and `advice` hold whatever the recorder read in addition */
	/* ENOSPC: the program with the most segments then, and how many of its processes created
	 * them. */
	const struct model_program *most;
	uint32_t most_creators;
	uint64_t most_segments, most_pages;
};

void findings_note_failure(struct model *model, struct model_process *process,
			   const struct event *event);
void findings_check_failures(struct model *model);

#endif
