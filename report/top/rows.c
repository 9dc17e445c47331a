/* SPDX-License-Identifier: MIT */
#include "report/top/rows.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/model/place.h"
#include "report/top/chart.h"
#include "report/top/ipc_list.h"
#include "report/util/format.h"
#include "report/util/path.h"
#include "report/view/cell.h"
#include "report/view/events_text.h"
#include "report/view/name.h"
#include "report/view/report_tables.h"

#define HOLDER_COLUMNS 16u
#define PROGRAM_COLUMNS 24u
#define WHERE_COLUMNS 100u

#define COLUMN(id, name, heading, right, descending, wanted) \
	{#name, heading, right, descending, wanted},

static const struct table_column process_columns[] = {
#define PROCESS(...) COLUMN(__VA_ARGS__)
#include "report/top/columns.def"
	{0},
};
static const struct table_column segment_columns[] = {
#define SEGMENT(...) COLUMN(__VA_ARGS__)
#include "report/top/columns.def"
	{0},
};
static const struct table_column site_columns[] = {
#define SITE(...) COLUMN(__VA_ARGS__)
#include "report/top/columns.def"
	{0},
};
static const struct table_column event_columns[] = {
#define EVENT(...) COLUMN(__VA_ARGS__)
#include "report/top/columns.def"
	{0},
};
static const struct table_column finding_columns[] = {
#define FINDING_COLUMN(...) COLUMN(__VA_ARGS__)
#include "report/top/columns.def"
	{0},
};

enum own_column {
#define PROCESS(id, ...) OF_PROCESS_##id,
#include "report/top/columns.def"
	OF_PROCESSES,
#define SEGMENT(id, ...) OF_SEGMENT_##id,
#include "report/top/columns.def"
	OF_SEGMENTS,
#define SITE(id, ...) OF_SITE_##id,
#include "report/top/columns.def"
	OF_SITES,
#define EVENT(id, ...) OF_EVENT_##id,
#include "report/top/columns.def"
#define FINDING_COLUMN(id, ...) OF_FINDING_##id,
#include "report/top/columns.def"
};

/* ---- cells ---- */

static void row_put_rate(struct cell *cell, double rate, bool bytes)
{
	char text[FORMAT_BYTES];
	double size = rate < 0 ? -rate : rate;
	const char *sign = rate <= -0.5 ? "-" : rate >= 0.5 && bytes ? "+" : "";

	cell->number = (uint64_t)((int64_t)rate + (INT64_MAX / 2));
	if (bytes)
		snprintf(cell->text, sizeof cell->text, "%s%s", sign,
			 format_bytes(text, (uint64_t)(size + 0.5)));
	else
		format_count(cell->text, (uint64_t)(size + 0.5));
}

static void process_cell(const void *row, unsigned column, struct cell *cell, const void *context)
{
	const struct rows *rows = context;
	const struct model_process *process = row;
	const struct trends *trends = &rows->live->trends;
	const struct trend *trend = trends_of(trends, process->facts.instance);
	struct report_context report = {rows->live->now, rows->exact, rows->utf8};
	struct chart chart = {trends, process, live_session_now_ns(rows->live), rows->utf8};
	int same;

	switch (column) {
	case OF_PROCESS_GROWTH:
		row_put_rate(cell, trend ? trend->growth_per_s : 0, true);
		break;
	case OF_PROCESS_RATE:
		row_put_rate(cell, trend ? trend->moves_per_s : 0, false);
		break;
	case OF_PROCESS_SHM_BYTES:
		cell_put_bytes(cell, process->attached_bytes, rows->exact);
		if (process->attached_count == 0)
			snprintf(cell->text, sizeof cell->text, "-");
		break;
	case OF_PROCESS_CHART:
		chart_small(&chart, cell->text, sizeof cell->text);
		cell->color = COLOR_GREEN;
		break;
	default:
		same = table_column(report_process_columns, process_columns[column].name);
		report_process_cell(row, (unsigned)same, cell, &report);
	}
}

static void segment_cell(const void *row, unsigned column, struct cell *cell, const void *context)
{
	const struct rows *rows = context;
	const struct rows_segment *segment = row;
	struct report_context report = {rows->live->now, rows->exact, rows->utf8};
	const char *name = segment_columns[column].name;

	if (column + OF_PROCESSES + 1 == OF_SEGMENT_HOLDERS)
		cell_put_count(cell, segment->holder_count);
	else if (column + OF_PROCESSES + 1 == OF_SEGMENT_HELD)
		snprintf(cell->text, sizeof cell->text, "%s", segment->held);
	else
		report_segment_cell(segment->segment,
				    (unsigned)table_column(report_segment_columns, name), cell,
				    &report);
}

static void site_cell(const void *row, unsigned column, struct cell *cell, const void *context)
{
	const struct rows *rows = context;
	const struct site_group *group = row;
	struct report_context report = {rows->live->now, rows->exact, rows->utf8};
	double seconds = (double)rows->live->trends.span_ns / 1e9;
	const char *name = site_columns[column].name;

	if (column + OF_SEGMENTS + 1 == OF_SITE_RATE)
		row_put_rate(cell,
			     seconds > 0 ? (double)(group->site.bytes - group->site.earlier_bytes) /
						   seconds
					 : 0,
			     true);
	else
		report_site_cell(row, (unsigned)table_column(report_site_columns, name), cell,
				 &report);
}

const char *rows_event_line(const struct rows *rows, const struct event *event)
{
	static struct out out;
	struct model *model = rows->live->session.model;
	struct event_view view = {.event = event, .model = model};

	out.used = 0;
	out.utf8 = rows->utf8;
	view.process = model_process(model, event->process);
	if (event_is_of_object(event))
		view.segment = model_event_segment(model, event);
	events_call(&out, &view, rows->exact);
	out.buffer[out.used] = '\0';
	return out.buffer;
}

/* Shortens runs of blanks, which only align columns. */
static void row_put_call(struct cell *cell, const char *line)
{
	size_t used = 0;

	for (; *line && used < sizeof cell->text - 1; line++)
		if (strncmp(line, "   ", 3) != 0)
			cell->text[used++] = *line;
	cell->text[used] = '\0';
}

static void event_cell(const void *row, unsigned column, struct cell *cell, const void *context)
{
	const struct rows *rows = context;
	const struct event *event = row;
	const struct model_process *process = model_process(rows->live->session.model,
							    event->process);

	cell->number = 0;
	if (event_is_call(event) && event_failed(event))
		cell->color = COLOR_RED;
	else if (!event_is_call(event))
		cell->color = COLOR_CYAN;
	switch (column + OF_SITES + 1) {
	case OF_EVENT_TIME:
		snprintf(cell->text, sizeof cell->text, "%.6f", (double)event->time_ns / 1e9);
		break;
	case OF_EVENT_PID:
		snprintf(cell->text, sizeof cell->text, "%d", process ? process->facts.pid : 0);
		break;
	case OF_EVENT_PROGRAM:
		cell_put_name(cell, process ? model_program_name(&process->facts) : "?", "", 16,
			      rows->utf8);
		break;
	default:
		row_put_call(cell, rows_event_line(rows, event));
	}
}

/* "500 segments leaked, 4.9M: seg500, new_buffer  seg500.c:4". */
static void finding_line(const struct model *model, const struct finding *finding,
			 struct cell *cell, bool utf8)
{
	const char *program = finding->program[0] ? path_base_name(finding->program[0]) : "";
	struct place place;
	char where[320], name[64], shorter[160];

	place_of_stack(model, finding->stack_instance, finding->stack, &place);
	place_words(&place, where, sizeof where);
	snprintf(cell->text, sizeof cell->text, "%.90s%s%s%s%s",
		 finding->headline ? finding->headline : "", *program ? "  " : "",
		 name_shorten(program, PROGRAM_COLUMNS, utf8, name, sizeof name),
		 *where ? "  " : "",
		 name_shorten(where, WHERE_COLUMNS, utf8, shorter, sizeof shorter));
}

static void finding_cell(const void *row, unsigned column, struct cell *cell, const void *context)
{
	static const struct {
		const char *word;
		enum out_color color;
	} severities[] = {{"error", COLOR_RED}, {"warning", COLOR_YELLOW}, {"note", COLOR_CYAN}};
	const struct rows *rows = context;
	const struct finding *finding = row;

	if (column == 0) {
		snprintf(cell->text, sizeof cell->text, "%s", severities[finding->severity].word);
		cell->color = severities[finding->severity].color;
	} else if (column == 1) {
		snprintf(cell->text, sizeof cell->text, "%s", model_finding_name(finding->kind));
	} else {
		finding_line(rows->live->now, finding, cell, rows->utf8);
	}
}

/* ---- identities of rows ---- */

static uint64_t process_identity(const void *row)
{
	return ((const struct model_process *)row)->facts.instance;
}

static bool process_ended(const void *row)
{
	return ((const struct model_process *)row)->facts.ended;
}

static uint64_t segment_identity(const void *row)
{
	return ((const struct rows_segment *)row)->segment->place + 1;
}

static uint64_t text_identity(const char *text, uint64_t seed)
{
	for (; *text; text++)
		seed = seed * 1099511628211u + (unsigned char)*text;
	return seed | 1;
}

static uint64_t site_identity(const void *row)
{
	const struct site_group *group = row;

	return text_identity(group->where, group->site.call * 2u + group->site.by_malloc);
}

static uint64_t event_identity(const void *row)
{
	const struct event *event = row;

	return event->time_ns * 31 + (uint32_t)event->tid + event->u.word[0] + 1;
}

static uint64_t finding_identity(const void *row)
{
	const struct finding *finding = row;
	uint64_t place = (uint64_t)finding->stack_instance << 32 | finding->stack;

	return text_identity(model_finding_name(finding->kind),
			     place ^ (uint64_t)(finding->id_count ? finding->ids[0] : 0) << 16);
}

/* ---- lists ---- */

static void row_make(struct list *list, const struct table_column *columns,
		     void (*fill)(const void *, unsigned, struct cell *, const void *),
		     uint64_t (*identity)(const void *), const struct rows *rows)
{
	*list = (struct list){.identity = identity};
	list->table.columns = columns;
	list->table.fill = fill;
	list->table.context = rows;
	list->table.sort = UINT_MAX;
	list->drawn_column = UINT_MAX;
}

void rows_lists(struct list lists[VIEW_COUNT], struct rows *rows)
{
	row_make(&lists[VIEW_PROCESSES], process_columns, process_cell, process_identity, rows);
	row_make(&lists[VIEW_SEGMENTS], segment_columns, segment_cell, segment_identity, rows);
	row_make(&lists[VIEW_SITES], site_columns, site_cell, site_identity, rows);
	row_make(&lists[VIEW_EVENTS], event_columns, event_cell, event_identity, rows);
	row_make(&lists[VIEW_FINDINGS], finding_columns, finding_cell, finding_identity, rows);
	row_make(&lists[VIEW_IPC], ipc_columns, ipc_cell, ipc_identity, rows);
	lists[VIEW_PROCESSES].table.sort = OF_PROCESS_NET;
	lists[VIEW_PROCESSES].ended = process_ended;
	lists[VIEW_PROCESSES].drawn_column = OF_PROCESS_CHART;
	lists[VIEW_EVENTS].tails = lists[VIEW_EVENTS].at_end = lists[VIEW_EVENTS].follow = true;
}

void rows_free(struct rows *rows)
{
	free(rows->sites);
	free(rows->segments);
	rows->sites = NULL;
	rows->segments = NULL;
}

static void add_processes(struct rows *rows, struct list *list)
{
	const struct model *model = rows->live->now;

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i] &&
		    filter_process(rows->filter, model->processes.by_instance[i]))
			list_add(list, model->processes.by_instance[i]);
}

/* Appends a holder's name, for at most three holders. */
static void row_add_holder(struct rows_segment *row, const struct process_facts *facts, bool utf8)
{
	size_t used = strlen(row->held);
	char name[64];

	if (row->holder_count++ < 3)
		snprintf(row->held + used, sizeof row->held - used, "%s%s (%d)", used ? ", " : "",
			 name_shorten(model_program_name(facts), HOLDER_COLUMNS, utf8, name,
				      sizeof name),
			 facts->pid);
}

static void name_holders(struct rows *rows)
{
	const struct model *model = rows->live->now;

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		for (uint32_t k = 0; process && k < process->attached_count; k++)
			row_add_holder(&rows->segments[process->attached[k].segment->place],
				       &process->facts, rows->utf8);
	}
	for (uint32_t i = 0; i < model->segments.count; i++) {
		struct rows_segment *row = &rows->segments[i];
		size_t used = strlen(row->held);

		if (row->holder_count > 3)
			snprintf(row->held + used, sizeof row->held - used, " and %u more",
				 row->holder_count - 3);
	}
}

static bool add_segments(struct rows *rows, struct list *list)
{
	const struct model *model = rows->live->now;

	free(rows->segments);
	rows->segments = calloc(model->segments.count + 1, sizeof *rows->segments);
	if (!rows->segments)
		return false;
	for (uint32_t i = 0; i < model->segments.count; i++) {
		rows->segments[i].segment = model->segments.rows[i];
		if (filter_segment(rows->filter, model->segments.rows[i]))
			list_add(list, &rows->segments[i]);
	}
	name_holders(rows);
	return true;
}

static bool row_add_sites(struct rows *rows, struct list *list)
{
	free(rows->sites);
	rows->sites = sites_group(rows->live->now, rows->filter, &rows->site_count);
	for (uint32_t i = 0; rows->sites && i < rows->site_count; i++)
		list_add(list, &rows->sites[i]);
	return rows->sites != NULL;
}

static void add_events(struct rows *rows, struct list *list)
{
	const struct live *live = rows->live;
	struct model *model = live->session.model;
	uint64_t first = live->event_count > LIVE_SESSION_EVENTS
				 ? live->event_count - LIVE_SESSION_EVENTS
				 : 0;

	for (uint64_t i = first; i < live->event_count; i++) {
		const struct event *event = live_session_event(live, i);
		const struct model_segment *segment = NULL;

		if (event_is_of_object(event))
			segment = model_event_segment(model, event);
		if (filter_event(rows->filter, event, model_process(model, event->process),
				 segment))
			list_add(list, event);
	}
}

static void add_findings(struct rows *rows, struct list *list)
{
	for (uint32_t i = 0; i < rows->live->now->findings.count; i++)
		if (!finding_is_routine(&rows->live->now->findings.rows[i]))
			list_add(list, &rows->live->now->findings.rows[i]);
}

bool rows_gather(struct rows *rows, enum top_view view, struct list *list, unsigned columns)
{
	bool whole = true;

	list_begin(list);
	switch (view) {
	case VIEW_PROCESSES:
		add_processes(rows, list);
		break;
	case VIEW_SEGMENTS:
		whole = add_segments(rows, list);
		break;
	case VIEW_SITES:
		whole = row_add_sites(rows, list);
		break;
	case VIEW_EVENTS:
		add_events(rows, list);
		break;
	case VIEW_IPC:
		ipc_add_rows(rows, list);
		break;
	default:
		add_findings(rows, list);
	}
	list_finalize(list, columns);
	return whole && !list->no_memory;
}
