/* SPDX-License-Identifier: MIT */
/* Converts rows of a session's tables into facts, and passes each to the visitor. */
#ifndef MEMSHIM_READER_ROWS_H
#define MEMSHIM_READER_ROWS_H

#include "preload/segment/recorded.h"
#include "report/reader/tables.h"

void row_give_process(const struct source *source, const struct segment_process *slot,
		      const struct facts_visitor *visitor);
void row_give_attachment(const struct source *source, const struct segment_attachment *row,
			 const struct facts_visitor *visitor);
void row_give_ledger(const struct source *source, const struct segment_entry *row,
		     const struct facts_visitor *visitor);
void row_give_unfollowed(const struct source *source, const struct segment_unfollowed *row,
			 const struct facts_visitor *visitor);
void row_give_shared(const struct segment_shared *row, const struct facts_visitor *visitor);
void row_give_module(const struct segment_module *row, uint64_t number,
		     const struct facts_visitor *visitor);
void row_give_frame(uint64_t number, uint64_t outer, uint64_t offset,
		    const struct facts_visitor *visitor);
void row_give_load(const struct segment_load *row, const struct facts_visitor *visitor);
void row_give_snapshot(const struct source *source, const struct segment_snapshot *row,
		       const struct facts_visitor *visitor);
void row_give_jit_name(const struct segment_jit_name *row, const struct facts_visitor *visitor);
void row_give_title(const struct segment_title *row, const struct facts_visitor *visitor);
void row_give_identity(const struct source *source, const struct segment_identity *row,
		       const struct facts_visitor *visitor);

#endif
