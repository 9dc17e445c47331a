/* SPDX-License-Identifier: MIT */
/* The list of all objects of the IPC table, and the page about a semaphore set or a queue. */
#ifndef MEMSHIM_TOP_IPC_LIST_H
#define MEMSHIM_TOP_IPC_LIST_H

#include "report/top/pager.h"
#include "report/top/rows.h"

/* One row is a struct model_segment of any kind; the context is a struct rows. */
extern const struct table_column ipc_columns[];
void ipc_cell(const void *row, unsigned column, struct cell *cell, const void *context);
uint64_t ipc_identity(const void *row);

void ipc_add_rows(const struct rows *rows, struct list *list);

/* Which calls wait for it since when, and who operated on it: last, and how often. */
void ipc_write_object(const struct rows *rows, struct pager *pager,
		      const struct model_segment *object, unsigned columns);

#endif
