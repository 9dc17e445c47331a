/* SPDX-License-Identifier: MIT */
/* Rows about semop, msgsnd and msgrcv: who used which object, and who waits. See rows.h. */
#ifndef MEMSHIM_READER_ROWS_OPERATIONS_H
#define MEMSHIM_READER_ROWS_OPERATIONS_H

#include "preload/segment/recorded.h"
#include "report/reader/tables.h"

void row_give_use(const struct source *source, const struct segment_use *row,
		  const struct facts_visitor *visitor);
void row_give_wait(const struct source *source, const struct segment_wait *row,
		   const struct facts_visitor *visitor);

#endif
