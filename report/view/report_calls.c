/* SPDX-License-Identifier: MIT */
/* The numbers come from the counters of the processes: they are exact when the log is not. */
#include "report/view/report_calls.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/util/format.h"
#include "report/view/cell.h"
#include "report/view/table.h"

#define ERRORS_MOST 4u /* different errors of a call that are named */

struct call_row {
	const char *name;
	uint64_t calls, failed;
	struct {
		uint32_t error;
		uint64_t count;
	} errors[ERRORS_MOST];
};

static const struct table_column report_call_columns[] = {
	{"calls", "CALLS", true, true, 1}, {"errors", "ERRORS", true, true, 1},
	{"call", "CALL", false, false, 1}, {"which", "WHICH", false, false, 1},
	{NULL, NULL, false, false, 0},
};

/* The log may lack events of failed calls, and a call may have more errors than are named. */
static void report_call_put_errors(const struct call_row *row, struct cell *cell)
{
	char count[FORMAT_BYTES];
	uint64_t named = 0;
	size_t used = 0;

	snprintf(cell->text, sizeof cell->text, "-");
	for (unsigned i = 0; i < ERRORS_MOST && row->errors[i].count; i++) {
		const char *name = name_of_errno((int)row->errors[i].error);

		used += (size_t)snprintf(cell->text + used, sizeof cell->text - used, "%s%s %s",
					 used ? ", " : "", name ? name : "unknown",
					 format_count(count, row->errors[i].count));
		named += row->errors[i].count;
	}
	if (used && row->failed > named)
		snprintf(cell->text + used, sizeof cell->text - used, " and %s more",
			 format_count(count, row->failed - named));
}

static void report_call_cell(const void *of, unsigned column, struct cell *cell,
			     const void *context)
{
	const struct call_row *row = of;

	(void)context;
	cell->color = COLOR_NONE;
	if (column == 0) {
		cell_put_count(cell, row->calls);
	} else if (column == 1) {
		cell_put_count(cell, row->failed);
		cell->color = row->failed ? COLOR_RED : COLOR_NONE;
	} else if (column == 2) {
		cell_put_text(cell, row->name);
	} else {
		report_call_put_errors(row, cell);
	}
}

static uint64_t report_call_weight(const void *of)
{
	return ((const struct call_row *)of)->calls;
}

static void report_call_add_error(struct call_row *row, const struct model_failure *failure)
{
	for (unsigned i = 0; i < ERRORS_MOST; i++) {
		if (row->errors[i].count && row->errors[i].error != failure->key.error)
			continue;
		row->errors[i].error = failure->key.error;
		row->errors[i].count += failure->count;
		return;
	}
}

static void report_calls_count(struct call_row rows[KIND_CALLS], const struct model *model,
			       const struct filter *filter)
{
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		for (unsigned call = 0; process && call < KIND_CALLS; call++) {
			if (!filter_process(filter, process))
				continue;
			rows[call].calls += process->facts.ok[call] + process->facts.failed[call];
			rows[call].failed += process->facts.failed[call];
		}
	}
}

/* The errors of all processes: a filter for one of them hides them. */
static void report_calls_name_errors(struct call_row rows[KIND_CALLS], const struct model *model)
{
	for (const struct model_failure *failure = NULL; (failure = failure_next(model, failure));)
		if (failure->key.call < KIND_CALLS)
			report_call_add_error(&rows[failure->key.call], failure);
}

void report_calls(struct out *out, const struct model *model, const struct filter *filter)
{
	struct call_row rows[KIND_CALLS] = {{.name = NULL}};
	const void *shown[KIND_CALLS];
	struct table table = {.columns = report_call_columns,
			      .fill = report_call_cell,
			      .weigh = report_call_weight,
			      .rows = shown};

	report_calls_count(rows, model, filter);
	if (!filter_is_set(filter))
		report_calls_name_errors(rows, model);
	for (unsigned call = 0; call < KIND_CALLS; call++) {
		rows[call].name = event_name(call);
		if (rows[call].calls)
			shown[table.row_count++] = &rows[call];
	}
	if (table.row_count == 0)
		return;
	OUT(out, "\n");
	out_color(out, COLOR_BOLD);
	OUT(out, "CALLS");
	out_color(out, COLOR_NONE);
	out_char(out, '\n');
	table_choose(&table, out->width);
	table_rank(&table);
	table_print(&table, out, true, KIND_CALLS);
}
