/* SPDX-License-Identifier: MIT */
#include "report/view/report_tables.h"

#include <stdio.h>

#include "report/util/format.h"
#include "report/view/cell.h"
#include "report/view/words.h"

enum process_column {
#define PROCESS_COLUMN(id, name, heading, right, descending, wanted, meaning) COLUMN_##id,
#include "report/view/process_columns.def"
#undef PROCESS_COLUMN
};

enum segment_column {
#define SEGMENT_COLUMN(id, name, heading, right, descending, wanted, meaning) COLUMN_##id,
#include "report/view/segment_columns.def"
#undef SEGMENT_COLUMN
};

const struct table_column report_process_columns[] = {
#define PROCESS_COLUMN(id, name, heading, right, descending, wanted, meaning) \
	{#name, heading, right, descending, wanted},
#include "report/view/process_columns.def"
#undef PROCESS_COLUMN
	{NULL, NULL, false, false, 0},
};

const struct table_column report_segment_columns[] = {
#define SEGMENT_COLUMN(id, name, heading, right, descending, wanted, meaning) \
	{#name, heading, right, descending, wanted},
#include "report/view/segment_columns.def"
#undef SEGMENT_COLUMN
	{NULL, NULL, false, false, 0},
};

#define NAME_COLUMNS 24u

/* ---- processes ---- */

static uint64_t moves_by(const struct process_facts *facts, enum break_origin by)
{
	return facts->moves[by].grows + facts->moves[by].shrinks + facts->moves[by].stills;
}

static void report_table_put_attached(struct cell *cell, const struct process_facts *facts)
{
	unsigned now = facts->state == STATE_RUNNING ? facts->attached : 0;

	cell->number = facts->attached_peak;
	if (facts->attached_peak == 0)
		cell_put_text(cell, "-");
	else
		snprintf(cell->text, sizeof cell->text, "%u/%u", now, facts->attached_peak);
}

static void report_table_put_state(struct cell *cell, const struct process_facts *facts)
{
	char text[32];

	cell_put_text(cell, words_state(facts, text));
	if (facts->state == STATE_KILLED || facts->exit_status > 0)
		cell->color = COLOR_YELLOW;
	if (facts->state == STATE_RUNNING)
		cell->color = COLOR_GREEN;
}

static void report_table_put_break(struct cell *cell, const struct model_process *process,
				   unsigned column, bool exact)
{
	const struct process_facts *facts = &process->facts;
	uint64_t start = facts->break_initial;

	switch (column) {
	case COLUMN_INITIAL:
		cell_put_address(cell, start);
		break;
	case COLUMN_CURRENT:
		cell_put_address(cell, facts->break_current);
		break;
	case COLUMN_NET:
		cell_put_delta(cell, (int64_t)(facts->break_current - start), exact);
		break;
	case COLUMN_PEAK:
		cell_put_bytes(cell, model_heap_peak(facts), exact);
		break;
	case COLUMN_GROWN:
		cell_put_bytes(cell, model_grown(facts), exact);
		break;
	case COLUMN_SHRUNK:
		cell_put_bytes(cell, model_shrunk(facts), exact);
		break;
	case COLUMN_HEADROOM:
		cell_put_bytes(cell, process->headroom_bytes, exact);
		if (!process->headroom_known)
			cell_put_text(cell, "-");
		break;
	case COLUMN_RSS_PEAK:
		cell_put_bytes(cell, process->identity.usage.resident_peak_bytes, exact);
		if (!process->identity.usage.resident_peak_bytes)
			cell_put_text(cell, "-");
		break;
	case COLUMN_ANON:
		cell_put_bytes(cell, process->identity.usage.anonymous_peak_bytes, exact);
		if (!process->identity.usage.anonymous_peak_bytes)
			cell_put_text(cell, "-");
		break;
	default:
		cell_put_bytes(cell, process->attached_peak_bytes, exact);
	}
}

/* Not for a process that lived too short: see model_break_share. */
static void report_table_put_share(struct cell *cell, const struct model_process *process)
{
	unsigned percent;

	if (model_break_share(process, &percent))
		snprintf(cell->text, sizeof cell->text, "%u %%", percent);
	else
		cell_put_text(cell, "-");
}

static void report_table_put_trend(struct cell *cell, const struct model_process *process,
				   bool utf8)
{
	uint64_t high[SPARK_PIECES];

	if (spark_pieces(&process->spark, high))
		cell_put_line(cell, high, SPARK_PIECES, process->facts.break_initial, utf8);
	else
		cell_put_text(cell, "");
}

static void report_table_put_counts(struct cell *cell, const struct process_facts *facts,
				    unsigned column)
{
	uint64_t failed = model_failed(facts);

	switch (column) {
	case COLUMN_MOVES:
		cell_put_count(cell, model_moves(facts));
		break;
	case COLUMN_MALLOC:
		cell_put_count(cell, moves_by(facts, BY_MALLOC));
		break;
	case COLUMN_DIRECT:
		cell_put_count(cell, moves_by(facts, BY_DIRECT));
		break;
	case COLUMN_QUERIES:
		cell_put_count(cell, facts->queries);
		break;
	default:
		cell_put_count(cell, failed);
		cell->color = failed ? COLOR_RED : COLOR_NONE;
	}
}

static void report_table_put_identity(struct cell *cell, const struct model_process *process,
				      unsigned column, bool utf8)
{
	const struct process_facts *facts = &process->facts;

	switch (column) {
	case COLUMN_PID:
		cell_put_number(cell, (uint32_t)facts->pid);
		break;
	case COLUMN_PPID:
		cell_put_number(cell, (uint32_t)facts->ppid);
		break;
	case COLUMN_IMAGE:
		cell_put_number(cell, facts->image);
		break;
	case COLUMN_UID:
		cell_put_number(cell, facts->uid);
		break;
	case COLUMN_PROGRAM:
		cell_put_name(cell, model_process_label(process), "", NAME_COLUMNS, utf8);
		break;
	case COLUMN_EXE:
		cell_put_text(cell, facts->exe);
		break;
	case COLUMN_START:
		format_duration(cell->text, facts->start_ns);
		cell->number = facts->start_ns;
		break;
	default:
		cell_put_text(cell, process->title[0] ? process->title : facts->cmdline);
	}
}

void report_process_cell(const void *row, unsigned column, struct cell *cell, const void *context)
{
	const struct model_process *process = row;
	const struct report_context *report = context;

	cell->color = COLOR_NONE;
	switch (column) {
	case COLUMN_INITIAL:
	case COLUMN_CURRENT:
	case COLUMN_NET:
	case COLUMN_PEAK:
	case COLUMN_RSS_PEAK:
	case COLUMN_ANON:
	case COLUMN_GROWN:
	case COLUMN_SHRUNK:
	case COLUMN_HEADROOM:
	case COLUMN_ATTACHED_BYTES:
		report_table_put_break(cell, process, column, report->exact);
		break;
	case COLUMN_BY_BREAK:
		report_table_put_share(cell, process);
		break;
	case COLUMN_MOVES:
	case COLUMN_MALLOC:
	case COLUMN_DIRECT:
	case COLUMN_QUERIES:
	case COLUMN_FAILED:
		report_table_put_counts(cell, &process->facts, column);
		break;
	case COLUMN_ATTACHED:
		report_table_put_attached(cell, &process->facts);
		break;
	case COLUMN_TREND:
		report_table_put_trend(cell, process, report->utf8);
		break;
	case COLUMN_STATE:
		report_table_put_state(cell, &process->facts);
		break;
	default:
		report_table_put_identity(cell, process, column, report->utf8);
	}
}

uint64_t report_process_weight(const void *row)
{
	const struct model_process *process = row;
	const struct process_facts *facts = &process->facts;
	uint64_t weight = model_heap_peak(facts) + process->attached_peak_bytes;

	if (model_failed(facts) || facts->state == STATE_KILLED)
		weight += 1ull << 40;
	return weight + model_moves(facts) +
	       (facts->state == STATE_RUNNING ? TABLE_NEVER_LEFT_OUT : 0);
}

/* ---- segments ---- */

static void report_table_put_by(struct cell *cell, const struct report_context *report,
				uint32_t instance)
{
	const struct model_process *process = model_process(report->model, instance);
	char pid[16];

	if (!process) {
		cell_put_text(cell, "-");
		return;
	}
	snprintf(pid, sizeof pid, " (%d)", process->facts.pid);
	cell_put_name(cell, model_process_label(process), pid, NAME_COLUMNS, report->utf8);
}

static void report_table_put_kernel(struct cell *cell, const struct model_segment *segment,
				    unsigned column, bool exact)
{
	const struct kernel_segment *kernel = &segment->kernel;

	cell->number = 0;
	if (!segment->in_kernel)
		cell_put_text(cell, "-");
	else if (column == COLUMN_NATTCH)
		cell_put_count(cell, kernel->nattch);
	else
		cell_put_bytes(cell, kernel->resident_bytes, exact);
}

/* By the kernel now, where it may be asked; else until the session's end. */
static void report_table_put_detached(struct cell *cell, const struct model *model,
				      const struct model_segment *segment)
{
	const struct session_facts *session = &model->session;
	bool here = segment->presence == PRESENCE_HERE;
	uint64_t at_s = here ? segment->current.detached : segment->kernel.detached;
	uint64_t until_ns = session->started_realtime_ns +
			    (here ? session->age_ns : session->duration_ns);
	uint64_t until_s = until_ns / 1000000000u;

	cell->number = 0;
	if (!here && !segment->in_kernel) {
		cell_put_text(cell, "-");
	} else if (!at_s) {
		cell_put_text(cell, "never");
	} else {
		cell->number = until_s > at_s ? until_s - at_s : 0;
		format_seconds(cell->text, cell->number);
	}
}

static void report_table_put_name(struct cell *cell, const struct model_segment *segment,
				  unsigned column)
{
	uint32_t mode, uid;

	if (column == COLUMN_SHMID)
		cell_put_number(cell, (uint32_t)segment->shmid);
	else if (column == COLUMN_OWNER && model_segment_owner(segment, &uid))
		cell_put_number(cell, uid);
	else if (column == COLUMN_OWNER)
		cell_put_text(cell, "-");
	else if (column == COLUMN_MODE && !model_segment_mode(segment, &mode))
		cell_put_text(cell, "-");
	else if (column == COLUMN_MODE)
		snprintf(cell->text, sizeof cell->text, "%04o", mode);
	else if (!segment->key_known)
		cell_put_text(cell, "-");
	else
		cell_put_key(cell, segment->key);
}

static void report_table_put_segment_state(struct cell *cell, const struct model_segment *segment)
{
	bool was_there = segment->state == SEGMENT_PRESENT || segment->state == SEGMENT_MARKED;

	snprintf(cell->text, sizeof cell->text, "%s%s%s%s", words_segment_state(segment),
		 words_segment_fault(segment),
		 segment->space || segment->elsewhere ? ", other namespace" : "",
		 was_there && segment->presence == PRESENCE_REMOVED ? "; removed since" : "");
	if (segment->leaked || segment->orphaned)
		cell->color = COLOR_RED;
}

static void report_table_put_segment_counts(struct cell *cell, const struct model_segment *segment,
					    unsigned column)
{
	cell_put_count(cell, column == COLUMN_ATTACHES   ? segment->attaches
			     : column == COLUMN_DETACHES ? segment->detaches
			     : column == COLUMN_MOST     ? segment->peak
							 : segment->inherited);
}

void report_segment_cell(const void *row, unsigned column, struct cell *cell, const void *context)
{
	const struct model_segment *segment = row;
	const struct report_context *report = context;

	cell->color = COLOR_NONE;
	switch (column) {
	case COLUMN_SHMID:
	case COLUMN_KEY:
	case COLUMN_MODE:
	case COLUMN_OWNER:
		report_table_put_name(cell, segment, column);
		break;
	case COLUMN_SIZE:
		cell_put_bytes(cell, segment->size, report->exact);
		if (segment->size == 0)
			cell_put_text(cell, "?");
		break;
	case COLUMN_CREATOR:
		report_table_put_by(cell, report, segment->created ? segment->creator : 0);
		break;
	case COLUMN_REMOVER:
		report_table_put_by(cell, report, segment->remover);
		break;
	case COLUMN_NATTCH:
	case COLUMN_RESIDENT:
		report_table_put_kernel(cell, segment, column, report->exact);
		break;
	case COLUMN_DETACHED:
		report_table_put_detached(cell, report->model, segment);
		break;
	case COLUMN_SEGMENT_STATE:
		report_table_put_segment_state(cell, segment);
		break;
	default:
		report_table_put_segment_counts(cell, segment, column);
	}
}

uint64_t report_segment_weight(const void *row)
{
	const struct model_segment *segment = row;
	bool held = segment->now || (segment->in_kernel && segment->kernel.nattch);

	return (held ? TABLE_NEVER_LEFT_OUT : 0) + segment->size +
	       (segment->leaked || segment->orphaned ? 1ull << 60 : 0) +
	       (segment->in_kernel ? 1ull << 59 : 0);
}
