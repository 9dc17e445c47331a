/* SPDX-License-Identifier: MIT */
/* Why a call failed, by what the log knew at that moment. */
#ifndef MEMSHIM_MODEL_EXPLAIN_H
#define MEMSHIM_MODEL_EXPLAIN_H

#include <stdlib.h>

#include "report/model/model.h"
#include "report/util/format.h"

struct explanation {
	char *why;          /* the caller frees it; null: only call and error are known */
	const char *advice; /* null: use that of the table of failures */
	bool sure;          /* holds whatever the recorder read in addition */
	const char *form;   /* of `why`: equal for equal causes */
};

struct explanation explain_failure(const struct model *model, const struct model_process *process,
				   const struct event *event);

struct failed {
	const struct model *model;
	const struct model_process *process;
	const struct event *event;
};

/* Only the call and its error are known. */
static const struct explanation explain_nothing = {NULL, NULL, false, NULL};

/* The reason in words, and what to do about it; null: the advice of the table of failures. */
struct explanation explain_by(const char *advice, const char *form, ...)
	__attribute__((format(printf, 2, 3)));

/* The same explanation, marked as certain. */
static inline struct explanation explain_surely(struct explanation explanation)
{
	explanation.sure = explanation.why != NULL;
	return explanation;
}

/* "perl (123)" into `to`. */
const char *explain_who(const struct failed *f, uint32_t instance, char to[64]);
const char *explain_creator(const struct failed *f, const struct model_segment *segment,
			    char to[64]);

/* "12 ms": the time from `then_ns` to the failure. */
const char *explain_ago(const struct failed *f, uint64_t then_ns, char to[FORMAT_BYTES]);

/* The latest segment that has, or had, this key; null: none is known. */
const struct model_segment *explain_key(const struct failed *f, uint32_t key);

/*
 * An id that no segment has: the segment was removed, the id is a key, shmget returned it when it
 * failed, or no segment ever had it.
 */
struct explanation explain_id(const struct failed *f, int32_t shmid);

/* The segment was removed before the call. */
struct explanation explain_removed(const struct failed *f, const struct model_segment *segment);

/* The mode of the segment denied the access. */
struct explanation explain_access(const struct failed *f, const struct model_segment *segment);

/* What a call tried to do with a segment: "read and write it". */
const char *explain_intent(const struct event *event);

#endif
