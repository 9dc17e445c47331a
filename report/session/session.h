/* SPDX-License-Identifier: MIT */
/* From a file to a model: reader ─▶ model, for every command that reads. */
#ifndef MEMSHIM_SESSION_SESSION_H
#define MEMSHIM_SESSION_SESSION_H

#include "report/model/filter.h"
#include "report/model/model.h"
#include "report/model/suppress.h"
#include "report/reader/cursor.h"
#include "report/symbols/symbols.h"

/* A table is read again for what it did not have; ever more seldom when that does not help. */
struct session_patience {
	uint32_t misses; /* looks in a row that did not help */
	uint32_t skip;
};

struct session {
	struct source *source;
	struct cursor *cursor;
	struct model *model;
	struct symbols *symbols; /* null until names are asked for */
	struct session_patience processes, stacks;
};

/*
 * Opens FILE and makes a model that knows the processes and no events yet. 0, or an exit code after
 * one line; then there is nothing to close.
 */
int session_open(struct session *session, const char *path, bool follow);

/* Looks for processes that have come since. */
void session_new_processes(struct session *session);

/* The same for an event's process that the model may not know yet. */
void session_find_process(struct session *session, uint32_t instance);
/* Takes in the call stacks when this one is not known; whether it is new now. */
bool session_find_stack(struct session *session, uint32_t stack);

/* Takes in the call stacks, as far as there are any yet. */
void session_stacks(struct session *session);

/* After the last event: the tables, the losses, the kernel's word; then model_finalize. */
int session_finish(struct session *session);

/*
 * For one who follows a session and wants conclusions now and then. First what the session, its
 * processes and the kernel's table of segments are by now; false without memory.
 */
bool session_renew(struct session *session);

/*
 * Then a copy of the model with the tables and the losses in it: model_finalize makes it what
 * session_finish would have made the model. Null without memory.
 */
struct model *session_copy(struct session *session);

/* All of it at once: every event is fed. 0, or an exit code after one line. */
int session_all(struct session *session, const char *path);

/* The same of an open recording, whose descriptor is taken; `path` is for messages. */
int session_descriptor(struct session *session, int fd, const char *path);

/* As session_all, with the call sites of processes that pass the filter, which outlives the model.
 */
int session_filtered(struct session *session, const char *path, const struct filter *filter);

/*
 * After the end: whether the session knows the process and the segment that are asked for by
 * number; false after one line. `model` is the load's own, or its finished copy.
 */
bool session_has(const struct session *session, const struct model *model,
		 const struct filter *filter);

/* After the end: takes out the findings that the rules are about; null: no rules. */
void session_suppress(struct session *session, const struct suppression *rules);

void session_close(struct session *session);

/* One line that there is no memory; the exit code for it. */
int session_no_memory(void);

#endif
