/* SPDX-License-Identifier: MIT */
#include "report/view/report_text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "report/util/error.h"
#include "report/util/format.h"
#include "report/view/name.h"
#include "report/view/report_findings.h"
#include "report/view/report_history.h"
#include "report/view/report_objects.h"
#include "report/view/report_sections.h"
#include "report/view/report_tables.h"
#include "report/view/report_verdict.h"
#include "report/view/sites.h"
#include "report/view/words.h"

#define LABEL_COLUMNS 10
#define PROGRAM_COLUMNS 12u

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

/* The command in one line: its words, as many as fit. */
static void report_text_put_command(struct out *out, const struct session_facts *session)
{
	const char *word = session->command, *end = session->command + session->command_bytes;
	char text[1024] = "";
	size_t used = 0;

	for (; word < end && used < sizeof text; word += strlen(word) + 1)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", used ? " " : "",
					 word);
	name_put_words(out, text, out->width - LABEL_COLUMNS);
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

/* The process with the most resident memory; null where none was sampled. */
static const struct model_process *report_text_largest(const struct model *model)
{
	const struct model_process *largest = NULL;

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (process && process->identity.usage.resident_peak_bytes >
				       (largest ? largest->identity.usage.resident_peak_bytes : 0))
			largest = process;
	}
	return largest;
}

/* The largest process: what the break does not explain of its memory is elsewhere. */
static void report_text_put_memory(struct out *out, const struct model *model, bool exact)
{
	const struct model_process *process = report_text_largest(model);
	const struct usage_facts *usage = process ? &process->identity.usage : NULL;
	unsigned percent;
	bool known;
	char name[64];

	if (!process)
		return;
	report_text_label(out, "Memory");
	out_safe(out, name_shorten(model_program_name(&process->facts), PROGRAM_COLUMNS, out->utf8,
				   name, sizeof name));
	OUT(out, ": ");
	report_text_put_bytes(out, usage->resident_peak_bytes, exact);
	OUT(out, " resident");
	known = model_break_share(process, &percent);
	if (known) {
		OUT(out, ", ");
		report_text_put_bytes(out, usage->anonymous_peak_bytes, exact);
		OUT(out, " anonymous");
	}
	OUT(out, "; the break is up to ");
	if (known) {
		out_number(out, percent);
		OUT(out, " %");
	} else {
		report_text_put_bytes(out, model_heap_peak(&process->facts), exact);
	}
	out_char(out, '\n');
}

/* ---- the page ---- */

static bool report_text_knows(const char *name)
{
	if (table_column(report_process_columns, name) >= 0 ||
	    table_column(report_segment_columns, name) >= 0 ||
	    table_column(report_set_columns, name) >= 0 ||
	    table_column(report_queue_columns, name) >= 0 ||
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
	report_text_put_memory(out, model, options->exact);
	report_findings(out, model, all, options->notes);
	report_sections(out, model, options);
	sites_nameless(out, model, options->all || options->sort);
	return true;
}
