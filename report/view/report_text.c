/* SPDX-License-Identifier: MIT */
#include "report/view/report_text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/util/error.h"
#include "report/util/format.h"
#include "report/view/partial.h"
#include "report/view/report_findings.h"
#include "report/view/report_history.h"
#include "report/view/report_tables.h"
#include "report/view/report_verdict.h"
#include "report/view/sites.h"
#include "report/view/words.h"

#define ROWS_MOST 40u /* rows of a table, unless the user chose an order or a filter */
#define SITES_MOST 15u
#define LABEL_COLUMNS 10

/* ---- small pieces ---- */

static void report_text_put_count(struct out *out, uint64_t count)
{
	char text[FORMAT_BYTES];

	out_text(out, format_count(text, count));
}

static void report_text_put_bytes(struct out *out, uint64_t bytes, bool exact)
{
	char text[FORMAT_BYTES];

	if (exact)
		out_number(out, bytes);
	else
		out_text(out, format_bytes(text, bytes));
}

static void report_text_label(struct out *out, const char *text)
{
	out_color(out, COLOR_BOLD);
	out_safe_wide(out, text, LABEL_COLUMNS);
	out_color(out, COLOR_NONE);
}

/* ---- the heading ---- */

static void report_text_put_command(struct out *out, const struct session_facts *session)
{
	const char *word = session->command, *end = session->command + session->command_bytes;

	for (; word < end; word += strlen(word) + 1) {
		if (word > session->command)
			out_char(out, ' ');
		out_safe(out, word);
	}
}

static void report_text_put_ending(struct out *out, const struct session_facts *session)
{
	const char *signal = name_of_signal(session->exit_signal);

	if (session->state == SESSION_LIVE)
		OUT(out, "live");
	else if (session->state == SESSION_ABANDONED)
		OUT(out, "abandoned: its recorder was killed");
	else if (!session->finished)
		OUT(out, "ended");
	else if (session->exit_signal && signal)
		out_text(out, signal);
	else if (session->exit_signal)
		OUT(out, "ended by a signal");
	else {
		OUT(out, "exit ");
		out_signed(out, session->exit_status);
	}
}

static void report_text_put_session(struct out *out, const struct model *model, const char *path)
{
	const struct session_facts *session = &model->session;
	char text[64];

	report_text_label(out, "Session");
	if (session->command_bytes)
		report_text_put_command(out, session);
	else
		out_safe(out, session->name);
	out_char(out, '\n');
	out_pad(out, LABEL_COLUMNS);
	report_text_put_ending(out, session);
	OUT(out, ", ");
	out_text(out, format_duration(text, session->duration_ns));
	OUT(out, ", began ");
	words_time(session->started_realtime_ns, text);
	text[19] = '\0';
	text[10] = ' ';
	out_text(out, text);
	OUT(out, " on ");
	out_safe(out, session->host);
	out_char(out, '\n');
	out_pad(out, LABEL_COLUMNS);
	out_safe(out, path);
	out_char(out, '\n');
}

static void report_text_put_part(struct out *out, uint64_t count, const char *what)
{
	if (!count)
		return;
	OUT(out, ", ");
	report_text_put_count(out, count);
	out_char(out, ' ');
	out_text(out, what);
}

void report_coverage(struct out *out, const struct model *model)
{
	uint64_t lost = model_lost(model);

	if (model->session.segment_missing)
		OUT(out, "in part: the session's segment is gone");
	else if (model->losses.level == COVERED_FULL && model_events_missing(model))
		OUT(out, "in part: every call is counted, not every one is in the log");
	else if (model->losses.level == COVERED_FULL)
		OUT(out, "full: every call through libc, malloc's too");
	else if (model->losses.level == COVERED_CALLS)
		OUT(out, "calls by name only: libc's own moves are missing");
	else
		OUT(out, "none: no process ran under the shim");
	OUT(out, "; ");
	report_text_put_count(out, model->event_count);
	OUT(out, " event");
	out_text(out, format_s(model->event_count));
	if (lost)
		report_text_put_part(out, lost, "lost");
	else
		OUT(out, ", none lost");
	report_text_put_part(out, model->losses.in_flight, "in flight at the end");
	report_text_put_part(out, model->losses.unseen_moves,
			     model->losses.unseen_moves == 1 ? "move unseen" : "moves unseen");
	report_text_put_part(out, model->processes.unfollowed_count,
			     model->processes.unfollowed_count == 1 ? "process not followed"
								    : "processes not followed");
}

static void report_text_put_coverage(struct out *out, const struct model *model)
{
	bool whole = model->losses.level == COVERED_FULL && !model->session.segment_missing &&
		     !model_lost(model) && !model->losses.unseen_moves &&
		     !model->processes.unfollowed_count;

	report_text_label(out, "Coverage");
	out_color(out, whole ? COLOR_GREEN : COLOR_YELLOW);
	report_coverage(out, model);
	out_color(out, COLOR_NONE);
	out_char(out, '\n');
}

static void report_text_put_totals(struct out *out, const struct model *model, bool exact)
{
	uint64_t moves = 0, stills = 0, grown = 0, shrunk = 0, queries = 0;

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (!process)
			continue;
		moves += model_moves(&process->facts);
		stills += model_stills(&process->facts);
		grown += model_grown(&process->facts);
		shrunk += model_shrunk(&process->facts);
		queries += process->facts.queries;
	}
	report_text_label(out, "Break");
	report_text_put_count(out, moves);
	OUT(out, " move");
	out_text(out, format_s(moves));
	OUT(out, ": grown by ");
	report_text_put_bytes(out, grown, exact);
	OUT(out, ", given back ");
	report_text_put_bytes(out, shrunk, exact);
	report_text_put_part(out, stills, "moved nothing");
	report_text_put_part(out, queries, "only asked");
	out_char(out, '\n');
}

/* ---- the tables ---- */

/*
 * `orphaned`: the number of orphaned rows. `part`: the part of the log that the rows come from,
 * "" if it is the whole log.
 */
static void report_text_put_title(struct out *out, const char *title, unsigned shown, unsigned all,
				  unsigned orphaned, const char *part)
{
	out_char(out, '\n');
	out_color(out, COLOR_BOLD);
	out_text(out, title);
	out_color(out, COLOR_NONE);
	OUT(out, "  ");
	report_text_put_count(out, all);
	report_text_put_part(out, orphaned, "orphaned");
	if (shown < all) {
		OUT(out, ", ");
		report_text_put_count(out, shown);
		OUT(out, " of them shown; --sort=COLUMN shows all");
	}
	if (*part) {
		OUT(out, ", of ");
		out_text(out, part);
	}
	out_char(out, '\n');
}

/* Takes those of the user's columns that this table has. */
static void report_text_choose(struct table *table, const struct out *out,
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

static void report_text_put_table(struct out *out, struct table *table,
				  const struct report_options *options, const char *title,
				  unsigned most, unsigned orphaned, const char *part)
{
	if (table->row_count == 0)
		return;
	if (options->top)
		most = options->top;
	else if (options->all || options->sort || filter_is_set(options->filter))
		most = UINT_MAX;
	report_text_choose(table, out, options);
	report_text_put_title(out, title, table_shown_rows(table, most), table->row_count, orphaned,
			      part);
	table_print(table, out, !options->no_headings, most);
}

/* With a filter for a segment: whether the process attached that segment. */
static bool wants_process(const struct filter *filter, const struct model *model,
			  const struct model_process *process)
{
	if (!filter_process(filter, process))
		return false;
	if (!filter->by_shmid && !filter->by_key)
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

static void report_text_put_processes(struct out *out, const struct model *model,
				      const struct report_options *options)
{
	struct report_context context = {model, options->exact};
	struct table table = {.columns = report_process_columns,
			      .fill = report_process_cell,
			      .weigh = report_process_weight,
			      .context = &context};

	table.rows = calloc(model->processes.count + 1, sizeof *table.rows);
	for (uint32_t i = 1; table.rows && i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i] &&
		    wants_process(options->filter, model, model->processes.by_instance[i]))
			table.rows[table.row_count++] = model->processes.by_instance[i];
	report_text_put_table(out, &table, options, "PROCESSES", ROWS_MOST, 0, "");
	free(table.rows);
}

static void report_text_put_segments(struct out *out, const struct model *model,
				     const struct report_options *options)
{
	struct report_context context = {model, options->exact};
	struct table table = {.columns = report_segment_columns,
			      .fill = report_segment_cell,
			      .weigh = report_segment_weight,
			      .context = &context};
	unsigned orphaned = 0;

	table.rows = calloc(model->segments.count + 1, sizeof *table.rows);
	for (uint32_t i = 0; table.rows && i < model->segments.count; i++)
		if (filter_segment(options->filter, model->segments.rows[i])) {
			table.rows[table.row_count++] = model->segments.rows[i];
			orphaned += model->segments.rows[i]->orphaned;
		}
	report_text_put_table(out, &table, options, "SEGMENTS", ROWS_MOST, orphaned, "");
	free(table.rows);
}

static void report_text_put_sites(struct out *out, const struct model *model,
				  const struct report_options *options)
{
	struct report_context context = {model, options->exact};
	struct table table = {
		.columns = report_site_columns, .fill = report_site_cell, .context = &context};
	struct site_group *groups = sites_group(model, options->filter, &table.row_count);
	char part[PARTIAL_NOTE_BYTES];

	table.rows = calloc(table.row_count + 1, sizeof *table.rows);
	for (uint32_t i = 0; table.rows && i < table.row_count; i++)
		table.rows[i] = &groups[i];
	if (table.rows)
		report_text_put_table(out, &table, options, "CALL SITES", SITES_MOST, 0,
				      partial_log(model, part));
	if (table.rows && table.row_count)
		sites_put_unknown(out, model);
	free(table.rows);
	free(groups);
}

/* The history of each segment that the user named by id or key. */
static void report_text_put_histories(struct out *out, const struct model *model,
				      const struct report_options *options)
{
	for (uint32_t i = 0; i < model->segments.count; i++)
		if ((options->filter->by_shmid || options->filter->by_key) &&
		    filter_segment(options->filter, model->segments.rows[i]))
			report_history(out, model, model->segments.rows[i], options->exact);
}

/* ---- the page ---- */

static bool report_text_knows(const char *name)
{
	if (table_column(report_process_columns, name) >= 0 ||
	    table_column(report_segment_columns, name) >= 0 ||
	    table_column(report_site_columns, name) >= 0)
		return true;
	error_format(name, "no such column; see 'memshim help report'");
	return false;
}

bool report_text(struct out *out, const struct model *model, const struct report_options *options)
{
	bool all = options->all || options->sort || filter_is_set(options->filter);

	if (options->sort && !report_text_knows(options->sort))
		return false;
	for (unsigned i = 0; i < options->column_count; i++)
		if (!report_text_knows(options->columns[i]))
			return false;
	report_verdict(out, model);
	report_text_put_session(out, model, options->path);
	report_text_put_coverage(out, model);
	report_text_put_totals(out, model, options->exact);
	report_findings(out, model, all, options->notes);
	report_text_put_processes(out, model, options);
	report_text_put_segments(out, model, options);
	report_text_put_histories(out, model, options);
	report_text_put_sites(out, model, options);
	sites_nameless(out, model, options->all || options->sort);
	return true;
}
