/* SPDX-License-Identifier: MIT */
/*
 * The tables of the report, each with the largest rows first. Many processes become a row for each
 * program, unless the user names columns of processes, or asks for each of them.
 */
#include "report/view/report_sections.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/util/format.h"
#include "report/view/partial.h"
#include "report/view/report_calls.h"
#include "report/view/report_history.h"
#include "report/view/report_mapped.h"
#include "report/view/report_objects.h"
#include "report/view/report_programs.h"
#include "report/view/report_tables.h"
#include "report/view/sites.h"

#define ROWS_MOST 40u /* rows of a table, unless the user chose an order or a filter */
#define SITES_MOST 15u
#define PROCESSES_MOST 20u /* that are not grouped by program */
#define NOTE_BYTES 256u

/* ---- one section ---- */

/* `note`: what follows the number of rows, "" for nothing. */
static void section_put_title(struct out *out, const char *title, unsigned shown, unsigned all,
			      const char *note)
{
	char count[FORMAT_BYTES];

	out_char(out, '\n');
	out_color(out, COLOR_BOLD);
	out_text(out, title);
	out_color(out, COLOR_NONE);
	OUT(out, "  ");
	out_text(out, format_count(count, all));
	if (*note) {
		OUT(out, ", ");
		out_text(out, note);
	}
	if (shown < all) {
		OUT(out, ", ");
		out_text(out, format_count(count, shown));
		OUT(out, " of them shown; --all shows the rest");
	}
	out_char(out, '\n');
}

/* Takes those of the user's columns that this table has. */
static void section_choose(struct table *table, const struct out *out,
			   const struct report_options *options)
{
	table_choose(table, out->width);
	table->sort = UINT_MAX;
	if (options->sort && table_column(table->columns, options->sort) >= 0)
		table->sort = (unsigned)table_column(table->columns, options->sort);
	for (unsigned i = 0, count = 0; i < options->column_count; i++) {
		int column = table_column(table->columns, options->columns[i]);

		if (column < 0 || count == TABLE_COLUMNS_MAX)
			continue;
		table->width = 0;
		table->shown[count++] = (unsigned)column;
		table->shown_count = count;
	}
}

/* Whether the user asks for every row. */
static bool section_wants_all(const struct report_options *options)
{
	return options->all || options->sort || filter_is_set(options->filter);
}

static void section_put(struct out *out, struct table *table, const struct report_options *options,
			const char *title, unsigned most, const char *note)
{
	if (table->row_count == 0)
		return;
	if (options->top)
		most = options->top;
	else if (section_wants_all(options))
		most = UINT_MAX;
	section_choose(table, out, options);
	if (table->sort == UINT_MAX)
		table_rank(table);
	section_put_title(out, title, table_shown_rows(table, most), table->row_count, note);
	table_print(table, out, !options->no_headings, most);
}

/* ---- processes ---- */

/* With a filter for a segment: whether the process attached that segment. */
static bool section_wants_process(const struct filter *filter, const struct model *model,
				  const struct model_process *process)
{
	if (!filter_process(filter, process))
		return false;
	if (!filter->by_id && !filter->by_key)
		return true;
	for (uint32_t i = 0; i < process->attached_count; i++)
		if (filter_segment(filter, process->attached[i].segment))
			return true;
	for (uint32_t i = 0; i < model->history.past_count; i++)
		if (model->history.past[i].process == process &&
		    filter_segment(filter, model->history.past[i].attachment.segment))
			return true;
	return false;
}

/* Whether the user names a column of the table of processes. */
static bool section_names_process_column(const struct report_options *options)
{
	if (options->sort && table_column(report_process_columns, options->sort) >= 0)
		return true;
	for (unsigned i = 0; i < options->column_count; i++)
		if (table_column(report_process_columns, options->columns[i]) >= 0)
			return true;
	return false;
}

static void section_put_programs(struct out *out, const struct model *model,
				 const struct report_options *options, const void **processes,
				 uint32_t count, const char *note)
{
	struct report_context context = {model, options->exact, out->utf8};
	struct table table = {.columns = report_program_columns,
			      .fill = report_program_cell,
			      .weigh = report_program_weight,
			      .context = &context};
	uint32_t rows = count;
	struct program_row **programs = report_programs_group(
		(const struct model_process *const *)processes, &rows);
	char text[2 * NOTE_BYTES], number[FORMAT_BYTES];

	snprintf(text, sizeof text, "of %s ended processes%s%s; --ungroup shows each",
		 format_count(number, count), *note ? ", " : "", note);
	table.rows = calloc(rows + 1, sizeof *table.rows);
	for (uint32_t i = 0; programs && table.rows && i < rows; i++)
		table.rows[table.row_count++] = programs[i];
	section_put(out, &table, options, "PROGRAMS", ROWS_MOST, text);
	free(table.rows);
	report_programs_free(programs, rows);
}

/* Moves the running processes to the front; how many they are. Both parts keep their order. */
static unsigned section_running_first(struct table *table)
{
	const void **rows = calloc(table->row_count + 1, sizeof *rows);
	unsigned running = 0, used = 0;

	for (int pass = 0; rows && pass < 2; pass++) {
		for (unsigned i = 0; i < table->row_count; i++) {
			const struct model_process *process = table->rows[i];

			if ((process->facts.state == STATE_RUNNING) == (pass == 0))
				rows[used++] = process;
		}
		running = pass == 0 ? used : running;
	}
	if (rows)
		memcpy(table->rows, rows, table->row_count * sizeof *rows);
	free(rows);
	return running;
}

/* Each running process has a row; those that ended are grouped when they are many. */
static void section_put_processes(struct out *out, const struct model *model,
				  const struct report_options *options)
{
	struct report_context context = {model, options->exact, out->utf8};
	struct table table = {.columns = report_process_columns,
			      .fill = report_process_cell,
			      .weigh = report_process_weight,
			      .context = &context};
	bool each = options->ungroup || section_wants_all(options) ||
		    section_names_process_column(options);
	unsigned running;
	char note[NOTE_BYTES] = "", count[FORMAT_BYTES];
	uint32_t idle = 0;

	table.rows = calloc(model->processes.count + 1, sizeof *table.rows);
	for (uint32_t i = 1; table.rows && i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (!process || !section_wants_process(options->filter, model, process))
			continue;
		if (!each && report_process_is_idle(process))
			idle++;
		else
			table.rows[table.row_count++] = process;
	}
	if (idle)
		snprintf(note, sizeof note, "%s idle left out", format_count(count, idle));
	running = section_running_first(&table);
	if (!each && table.row_count - running > PROCESSES_MOST) {
		section_put_programs(out, model, options, table.rows + running,
				     table.row_count - running, note);
		table.row_count = running;
		note[0] = '\0';
	}
	section_put(out, &table, options, "PROCESSES", options->ungroup ? UINT_MAX : ROWS_MOST,
		    note);
	free(table.rows);
}

/* ---- segments ---- */

static bool section_is_gone(const struct model_segment *segment)
{
	return segment->state == SEGMENT_DESTROYED || segment->state == SEGMENT_VANISHED;
}

struct section_sums {
	uint64_t bytes, leaked, leaked_bytes, orphaned, hidden;
};

static void section_add_up(struct section_sums *sums, const struct model_segment *segment)
{
	sums->bytes += segment->size;
	sums->leaked += segment->leaked;
	sums->leaked_bytes += segment->leaked ? segment->size : 0;
	sums->orphaned += segment->orphaned;
}

static void section_put_sums(const struct section_sums *sums, unsigned shown, char note[NOTE_BYTES])
{
	char bytes[FORMAT_BYTES], count[FORMAT_BYTES];
	size_t used = 0;

	if (sums->orphaned)
		used += (size_t)snprintf(note + used, NOTE_BYTES - used, "%s orphaned, ",
					 format_count(count, sums->orphaned));
	used += (size_t)snprintf(note + used, NOTE_BYTES - used, "%s in all",
				 format_bytes(bytes, sums->bytes));
	if (sums->leaked)
		used += (size_t)snprintf(note + used, NOTE_BYTES - used, ", %s leaked, %s",
					 format_count(count, sums->leaked),
					 format_bytes(bytes, sums->leaked_bytes));
	if (sums->hidden && shown)
		snprintf(note + used, NOTE_BYTES - used, "; %s more %s gone, --all shows %s",
			 format_count(count, sums->hidden), sums->hidden == 1 ? "is" : "are",
			 sums->hidden == 1 ? "it" : "them");
}

/* All objects of one kind are gone: one line. */
static void section_put_gone(struct out *out, const char *title, uint64_t hidden)
{
	char count[FORMAT_BYTES];

	out_char(out, '\n');
	out_color(out, COLOR_BOLD);
	out_text(out, title);
	out_color(out, COLOR_NONE);
	OUT(out, "  none is left, ");
	out_text(out, format_count(count, hidden));
	out_text(out, hidden == 1 ? " is gone" : " are gone");
	OUT(out, "; --all shows ");
	out_text(out, hidden == 1 ? "it\n" : "them\n");
}

static void section_put_segments(struct out *out, const struct model *model,
				 const struct report_options *options)
{
	struct report_context context = {model, options->exact, out->utf8};
	struct table table = {.columns = report_segment_columns,
			      .fill = report_segment_cell,
			      .weigh = report_segment_weight,
			      .context = &context};
	struct section_sums sums = {0};
	char note[NOTE_BYTES] = "";

	table.rows = calloc(model->segments.count + 1, sizeof *table.rows);
	for (uint32_t i = 0; table.rows && i < model->segments.count; i++) {
		const struct model_segment *segment = model->segments.rows[i];

		if (!filter_segment(options->filter, segment))
			continue;
		if (section_is_gone(segment) && !section_wants_all(options)) {
			sums.hidden++;
			continue;
		}
		table.rows[table.row_count++] = segment;
		section_add_up(&sums, segment);
	}
	section_put_sums(&sums, table.row_count, note);
	if (table.row_count == 0 && sums.hidden)
		section_put_gone(out, "SEGMENTS", sums.hidden);
	section_put(out, &table, options, "SEGMENTS", ROWS_MOST, note);
	free(table.rows);
}

static void section_put_objects(struct out *out, const struct model *model,
				const struct report_options *options, enum object_kind kind)
{
	bool is_set = kind == SEMAPHORE_SET;
	struct report_context context = {model, options->exact, out->utf8};
	struct table table = {.columns = is_set ? report_set_columns : report_queue_columns,
			      .fill = is_set ? report_set_cell : report_queue_cell,
			      .weigh = report_object_weight,
			      .context = &context};
	char note[NOTE_BYTES] = "", count[FORMAT_BYTES];
	uint64_t leaked = 0, hidden = 0;
	size_t used = 0;

	table.rows = calloc(model->objects.count + 1, sizeof *table.rows);
	for (uint32_t i = 0; table.rows && i < model->objects.count; i++) {
		const struct model_segment *object = model->objects.rows[i];

		if (object->kind != kind || !filter_segment(options->filter, object))
			continue;
		if (section_is_gone(object) && !section_wants_all(options)) {
			hidden++;
			continue;
		}
		table.rows[table.row_count++] = object;
		leaked += object->leaked;
	}
	if (leaked)
		used = (size_t)snprintf(note, sizeof note, "%s leaked",
					format_count(count, leaked));
	if (hidden && table.row_count)
		snprintf(note + used, sizeof note - used, "%s%s more gone, --all shows them",
			 used ? "; " : "", format_count(count, hidden));
	if (hidden && table.row_count == 0)
		section_put_gone(out, is_set ? "SEMAPHORE SETS" : "MESSAGE QUEUES", hidden);
	section_put(out, &table, options, is_set ? "SEMAPHORE SETS" : "MESSAGE QUEUES", ROWS_MOST,
		    note);
	free(table.rows);
}

/* The history of each segment that the user named by id or key. */
static void section_put_histories(struct out *out, const struct model *model,
				  const struct report_options *options)
{
	for (uint32_t i = 0; i < model->segments.count; i++)
		if ((options->filter->by_id || options->filter->by_key) &&
		    filter_segment(options->filter, model->segments.rows[i]))
			report_history(out, model, model->segments.rows[i], options->exact);
}

/* ---- call sites ---- */

static void section_put_sites(struct out *out, const struct model *model,
			      const struct report_options *options)
{
	struct report_context context = {model, options->exact, out->utf8};
	struct table table = {
		.columns = report_site_columns, .fill = report_site_cell, .context = &context};
	struct site_group *groups = sites_group(model, options->filter, &table.row_count);
	char part[PARTIAL_NOTE_BYTES], note[NOTE_BYTES] = "";

	table.rows = calloc(table.row_count + 1, sizeof *table.rows);
	for (uint32_t i = 0; table.rows && i < table.row_count; i++)
		table.rows[i] = &groups[i];
	if (*partial_log(model, part))
		snprintf(note, sizeof note, "of %s", part);
	if (table.rows)
		section_put(out, &table, options, "CALL SITES", SITES_MOST, note);
	if (table.rows && table.row_count)
		sites_put_unknown(out, model);
	free(table.rows);
	free(groups);
}

void report_sections(struct out *out, const struct model *model,
		     const struct report_options *options)
{
	section_put_processes(out, model, options);
	section_put_segments(out, model, options);
	section_put_histories(out, model, options);
	section_put_objects(out, model, options, SEMAPHORE_SET);
	section_put_objects(out, model, options, MESSAGE_QUEUE);
	report_waits(out, model, options->filter);
	section_put_sites(out, model, options);
	report_mapped(out, model, options->filter, options->exact);
	report_calls(out, model, options->filter);
}
