/* SPDX-License-Identifier: MIT */
/* The tables of a session, row by row, from the segment and the recording alike. */
#ifndef MEMSHIM_READER_TABLES_H
#define MEMSHIM_READER_TABLES_H

#include "report/reader/facts_visitor.h"
#include "report/reader/source.h"

/*
 * Visits processes only, for callers that need names before they read events. A later call visits
 * new processes too. A recording's row of a process is final, and visited once per source. False
 * without memory.
 */
bool tables_read_processes(struct source *source, const struct facts_visitor *visitor);

/*
 * Visits the kernel snapshots; a later call visits only new ones. False without memory.
 */
bool tables_read_snapshots(struct source *source, const struct facts_visitor *visitor);

/* Visits the objects left at the session's end; none before the end. False without memory. */
bool tables_read_objects(struct source *source, const struct facts_visitor *visitor);

/* Visits the modules, frames and loads recorded so far. False without memory. */
bool tables_read_stacks(struct source *source, const struct facts_visitor *visitor);

/* Visits attachments, ledger, unfollowed processes and losses, as of now. False without memory. */
bool tables_read_rest(struct source *source, const struct facts_visitor *visitor);

/* tables_read_processes, then tables_read_rest. False without memory. */
bool tables_read(struct source *source, const struct facts_visitor *visitor);

#endif
