/* SPDX-License-Identifier: MIT */
/* What the files that explain failed calls share. */
#ifndef MEMSHIM_MODEL_EXPLAINING_H
#define MEMSHIM_MODEL_EXPLAINING_H

#include <stdlib.h>

#include "report/model/model_internal.h"
#include "report/util/format.h"

struct failed {
	const struct model *model;
	const struct model_process *process;
	const struct event *event;
};

/* Nothing more is known than the call and its error. */
static const struct explanation explain_nothing = {NULL, NULL, false};

/* The reason in words, and what helps against it; null: what helps in general. */
struct explanation explain_by(const char *advice, const char *form, ...)
	__attribute__((format(printf, 2, 3)));

/* The same, when it is beyond doubt. */
static inline struct explanation explain_surely(struct explanation explanation)
{
	explanation.sure = explanation.why != NULL;
	return explanation;
}

/* "perl (123)" into `to`. */
const char *explain_who(const struct failed *f, uint32_t instance, char to[64]);
const char *explain_creator(const struct failed *f, const struct model_segment *segment,
			    char to[64]);

/* "12 ms": from then to the failure. */
const char *explain_ago(const struct failed *f, uint64_t then_ns, char to[FORMAT_BYTES]);

/* The latest segment that has, or had, a key. */
const struct model_segment *explain_key(const struct failed *f, uint32_t key);

/* An id that no segment has: removed, a key in its place, a failed shmget's, or never there. */
struct explanation explain_id(const struct failed *f, int32_t shmid);

/* The segment was removed before. */
struct explanation explain_removed(const struct failed *f, const struct model_segment *segment);

/* The mode was against it. */
struct explanation explain_access(const struct failed *f, const struct model_segment *segment);

/* What a call wanted to do with a segment: "read and write" */
const char *explain_wish(const struct event *event);

/* Whether a mapping that begins there is in the way of a move of the break. */
bool explain_wall(const struct event *event, uint64_t start);

struct explanation explain_shmat(const struct failed *f);
struct explanation explain_shmdt(const struct failed *f);
struct explanation explain_shmctl(const struct failed *f);
struct explanation explain_move(const struct failed *f);

/* ---- memory_limits.c: by the limits that the recorder read; asked for at least a byte ---- */
struct explanation limits_explain_move(const struct model *model,
				       const struct model_process *process,
				       const struct event *event, const struct snapshot_facts *s);
/* `size`: of the segment, 0 unknown. */
struct explanation limits_explain_attach(const struct model_process *process,
					 const struct event *event, const struct snapshot_facts *s,
					 uint64_t size);

/* An error that the call itself does not have. */
struct explanation explain_filter(const struct failed *f);

#endif
