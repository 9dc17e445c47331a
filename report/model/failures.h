/* SPDX-License-Identifier: MIT */
/* Failed calls, one row for each program, call, error, call stack and cause. */
#ifndef MEMSHIM_MODEL_FAILURES_H
#define MEMSHIM_MODEL_FAILURES_H

#include "report/reader/event.h"
#include "report/util/hash.h"

struct model;
struct model_process;
struct model_program;

/* All failures of one call with one call stack and one cause. */
#define FAILURE_PROCESSES 16u
struct model_failure {
	UT_hash_handle hh;
	struct failure_key {
		const struct model_program *program;
		uint32_t call, error;
		uint32_t stack; /* 0 unknown */
	} key;
	struct model_failure *other;  /* with the same key and another cause; null: the last */
	struct model_failure *latest; /* of these, the one that happened last; in the first only */
	uint64_t count;
	uint64_t in_kernel; /* of `count`, refused by the kernel and not by libc */
	uint32_t process;   /* instance of the first failure */
	uint32_t processes[FAILURE_PROCESSES];
	uint32_t process_count; /* FAILURE_PROCESSES + 1: more than those */
	int32_t shmid;          /* -1 unknown or several */
	struct event first;
	char *why; /* of the first failure, by the log before it; null: only call and error are
		      known */
	const char *form;   /* of `why`, without the numbers: the cause; null unknown */
	const char *advice; /* null: the advice of the table of failures */
	bool sure;          /* `why` and `advice` hold whatever the recorder read in addition */
	/* ENOSPC: the program with the most segments then, and how many of its processes created
	 * them. */
	const struct model_program *most;
	uint32_t most_creators;
	uint64_t most_segments, most_pages;
	/* The call stack from which that program created most of them; most_stack 0: unknown. */
	uint32_t most_instance, most_stack, most_from_stack;
};

/* The text of a finding about a failed call that happened `count` times; the caller frees it. */
char *failure_text(const struct model *model, const struct model_failure *failure, uint64_t count);

/* "shmget(0xbeef, 64K) = EINVAL": the first failure of them. */
void failure_words(const struct model_failure *failure, char *text, size_t bytes);

/* The next failure of all of them; null after the last one. `failure` null: the first. */
const struct model_failure *failure_next(const struct model *model,
					 const struct model_failure *failure);

void failures_free(struct model *model);

void findings_note_failure(struct model *model, struct model_process *process,
			   const struct event *event);
void findings_check_failures(struct model *model);

#endif
