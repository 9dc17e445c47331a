/* SPDX-License-Identifier: MIT */
/* Opens a recording or a live segment into a model, for every command that reads. */
#ifndef MEMSHIM_SESSION_SESSION_H
#define MEMSHIM_SESSION_SESSION_H

#include "report/model/filter.h"
#include "report/model/model.h"
#include "report/model/suppress.h"
#include "report/reader/cursor.h"
#include "report/symbols/symbols.h"

/*
 * A table is read again when it lacked a row. After each read that did not help, twice as many
 * requests are skipped before the next one.
 */
struct session_patience {
	uint32_t misses; /* reads in a row that did not help */
	uint32_t skip;
};

struct session {
	struct source *source;
	struct cursor *cursor;
	struct model *model;
	struct symbols *symbols; /* null until names are needed */
	struct session_patience processes, stacks;
};

/*
 * Opens a file and makes a model that has the processes, but no events yet. 0, or an exit code
 * after one line; then there is nothing to close.
 */
int session_open(struct session *session, const char *path, bool follow);

/* Adds processes that have registered since. */
void session_new_processes(struct session *session);

/* The same, if the model does not have this event's process yet. */
void session_find_process(struct session *session, uint32_t instance);
/* Adds new call stacks if this one is not known yet. Returns whether it was added. */
bool session_find_stack(struct session *session, uint32_t stack);

/* Adds the call stacks recorded so far. */
void session_stacks(struct session *session);

/* After the last event: adds tables, losses and the kernel cross-check; then model_finalize. */
int session_finish(struct session *session);

/*
 * For a live session, before session_copy: updates the session's facts, its processes and the
 * kernel's table of segments. False without memory.
 */
bool session_renew(struct session *session);

/*
 * A copy of the model with tables and losses added: model_finalize then gives the same result as
 * session_finish for the model. Null without memory.
 */
struct model *session_copy(struct session *session);

/* Reads a whole session, with every event, into the model. 0, or an exit code after one line. */
int session_all(struct session *session, const char *path);

/* The same for an open recording; takes over the descriptor. `path` is for messages. */
int session_descriptor(struct session *session, int fd, const char *path);

/*
 * As session_all, with the call sites only of processes that pass the filter. The filter must
 * outlive the model.
 */
int session_filtered(struct session *session, const char *path, const struct filter *filter);

/*
 * After session_finish: whether the session has the process and the segment that the filter names
 * by number. False after one line. `model`: the session's own, or a finalized copy.
 */
bool session_has(const struct session *session, const struct model *model,
		 const struct filter *filter);

/*
 * After session_finish: removes the findings that match the rules (null: no rules) and those that
 * the filter does not want, then groups the rest by kind, program, place and cause.
 */
void session_findings(struct session *session, const struct suppression *rules,
		      const struct filter *filter);

/* How a whole session is read. */
struct session_reading {
	const struct filter *filter; /* as for session_filtered; null: all */
	bool sites_by_process;       /* each image has call sites of its own */
	/* After each event that the model has got; null: not wanted. */
	void (*visit)(void *context, const struct event *event);
	void *context;
};

int session_read(struct session *session, const char *path, const struct session_reading *reading);

void session_close(struct session *session);

/* Prints that memory is short. Returns the exit code for it. */
int session_no_memory(void);

#endif
