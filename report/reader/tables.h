/* SPDX-License-Identifier: MIT */
/* The tables of a session, row by row, from the segment and the recording alike. */
#ifndef MEMSHIM_READER_TABLES_H
#define MEMSHIM_READER_TABLES_H

#include "report/reader/facts_visitor.h"
#include "report/reader/source.h"

/*
 * Processes only, for those who need names before they read the events; again, for those that have
 * come since. What a recording says of a process is final, and given once per source. False
 * without memory.
 */
bool tables_read_processes(struct source *source, const struct facts_visitor *visitor);

/*
 * What the recorder saw at single calls; again, what it has seen since. False without memory.
 */
bool tables_read_snapshots(struct source *source, const struct facts_visitor *visitor);

/* What the recorder found left at the end; nothing while it has not ended. False without memory. */
bool tables_read_objects(struct source *source, const struct facts_visitor *visitor);

/* Modules, frames and loads only, as far as there are any yet. False without memory. */
bool tables_read_stacks(struct source *source, const struct facts_visitor *visitor);

/* Attachments, ledger, witnesses and losses, as they are now. False without memory. */
bool tables_read_rest(struct source *source, const struct facts_visitor *visitor);

/* Processes, and then the rest. False without memory. */
bool tables_read(struct source *source, const struct facts_visitor *visitor);

#endif
