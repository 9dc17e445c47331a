/* SPDX-License-Identifier: MIT */
/* The tables of a session, row by row, from the segment and the recording alike. */
#ifndef MEMSHIM_READER_TABLES_H
#define MEMSHIM_READER_TABLES_H

#include "report/reader/source.h"

/*
 * Takes rows; what is null is not wanted. An image may come more than once: the last row is the one
 * that holds.
 */
struct tables_visitor {
	void (*process)(void *context, const struct process_facts *facts);
	void (*attachment)(void *context, const struct attachment_facts *facts);
	void (*ledger)(void *context, const struct ledger_facts *facts);
	/*
	 * The creator of an object, as it is kept with the object: before the object's row. Its
	 * counters are not known.
	 */
	void (*creator)(void *context, const struct process_facts *facts);
	void (*unfollowed)(void *context, const struct unfollowed_facts *facts);
	void (*module)(void *context, const struct module_facts *facts);
	void (*frame)(void *context, const struct frame_facts *facts);
	void (*load)(void *context, const struct load_facts *facts);
	void (*snapshot)(void *context, const struct snapshot_facts *facts);
	void (*identity)(void *context, const struct identity_facts *facts);
	void (*object)(void *context, const struct object_facts *facts);
	/* `count` more were lost by `loss`, by no process that still has a slot. */
	void (*lost)(void *context, enum loss loss, uint64_t count);
	/* Frames of the deepest call stack that was cut; 0: none was. */
	void (*deepest_stack)(void *context, uint32_t frames);
	void *context;
};

/*
 * Processes only, for those who need names before they read the events; again, for those that have
 * come since. What a recording says of a process is final, and given once per source. False
 * without memory.
 */
bool tables_read_processes(struct source *source, const struct tables_visitor *visitor);

/*
 * What the recorder saw at single calls; again, what it has seen since. False without memory.
 */
bool tables_read_snapshots(struct source *source, const struct tables_visitor *visitor);

/* What the recorder found left at the end; nothing while it has not ended. False without memory. */
bool tables_read_objects(struct source *source, const struct tables_visitor *visitor);

/* Modules, frames and loads only, as far as there are any yet. False without memory. */
bool tables_read_stacks(struct source *source, const struct tables_visitor *visitor);

/* Attachments, ledger, witnesses and losses, as they are now. False without memory. */
bool tables_read_rest(struct source *source, const struct tables_visitor *visitor);

/* Processes, and then the rest. False without memory. */
bool tables_read(struct source *source, const struct tables_visitor *visitor);

#endif
