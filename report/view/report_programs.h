/* SPDX-License-Identifier: MIT */
/* The report's table of programs: one row for all processes of a program or a script. */
#ifndef MEMSHIM_VIEW_REPORT_PROGRAMS_H
#define MEMSHIM_VIEW_REPORT_PROGRAMS_H

#include "report/view/report_tables.h"

/* The processes with one label: see creator.h. */
struct program_row;

extern const struct table_column report_program_columns[];

/*
 * The rows of these processes: a malloc'd array, for the caller to free; null without memory.
 * `count`: of the processes, then of the rows.
 */
struct program_row **report_programs_group(const struct model_process *const *processes,
					   uint32_t *count);

void report_programs_free(struct program_row **rows, uint32_t count);

/* For struct table. */
void report_program_cell(const void *row, unsigned column, struct cell *cell, const void *context);
uint64_t report_program_weight(const void *row);

/* Whether the process did nothing that is recorded before it executed another program. */
bool report_process_is_idle(const struct model_process *process);

#endif
