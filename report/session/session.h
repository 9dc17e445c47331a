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
struct load_patience {
	uint32_t misses; /* looks in a row that did not help */
	uint32_t skip;
};

struct load {
	struct source *source;
	struct cursor *cursor;
	struct model *model;
	struct symbols *symbols; /* null until names are asked for */
	struct load_patience processes, stacks;
};

/*
 * Opens FILE and makes a model that knows the processes and no events yet. 0, or an exit code after
 * one line; then there is nothing to close.
 */
int load_open(struct load *load, const char *path, bool follow);

/* Looks for processes that have come since. */
void load_new_processes(struct load *load);

/* The same for an event's process that the model may not know yet. */
void load_find_process(struct load *load, uint32_t instance);
/* Takes in the call stacks when this one is not known; whether it is new now. */
bool load_find_stack(struct load *load, uint32_t stack);

/* Takes in the call stacks, as far as there are any yet. */
void load_stacks(struct load *load);

/* After the last event: the tables, the losses, the kernel's word; then model_finish. */
int load_finish(struct load *load);

/*
 * For one who follows a session and wants conclusions now and then. First what the session, its
 * processes and the kernel's table of segments are by now; false without memory.
 */
bool load_renew(struct load *load);

/*
 * Then a copy of the model with the tables and the losses in it: model_finish makes it what
 * load_finish would have made the model. Null without memory.
 */
struct model *load_copy(struct load *load);

/* All of it at once: every event is fed. 0, or an exit code after one line. */
int load_all(struct load *load, const char *path);

/* The same of an open recording, whose descriptor is taken; `path` is for messages. */
int load_descriptor(struct load *load, int fd, const char *path);

/* As load_all, with the call sites of processes that pass the filter, which outlives the model. */
int load_filtered(struct load *load, const char *path, const struct filter *filter);

/*
 * After the end: whether the session knows the process and the segment that are asked for by
 * number; false after one line. `model` is the load's own, or its finished copy.
 */
bool load_has(const struct load *load, const struct model *model, const struct filter *filter);

/* After the end: takes out the findings that the rules are about; null: no rules. */
void load_suppress(struct load *load, const struct suppression *rules);

void load_close(struct load *load);

/* One line that there is no memory; the exit code for it. */
int load_no_memory(void);

#endif
