/* SPDX-License-Identifier: MIT */
#include "report/view/events_csv.h"

#include "report/view/call.h"
#include "report/view/events_mappings.h"
#include "report/view/events_text.h"
#include "report/view/words.h"

static const char *const names[EVENT_COLUMN_COUNT] = {
#define EVENT_COLUMN(id, name, meaning) [EVENT_COLUMN_##id] = #name,
#include "report/view/event_columns.def"
#undef EVENT_COLUMN
};

int events_column(const char *name)
{
	for (int column = 0; column < EVENT_COLUMN_COUNT; column++)
		if (strcmp(names[column], name) == 0)
			return column;
	return -1;
}

void events_csv_heading(struct out *out, const enum event_column *columns, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			out_char(out, ',');
		out_text(out, names[columns[i]]);
	}
	out_char(out, '\n');
}

static void event_csv_put_bool(struct out *out, bool value)
{
	out_text(out, value ? "true" : "false");
}

static void event_csv_put_result(struct out *out, const struct event *event)
{
	int64_t value;

	switch (call_result(event, &value)) {
	case RESULT_ADDRESS:
		out_hex(out, (uint64_t)value);
		break;
	case RESULT_NUMBER:
		out_signed(out, value);
		break;
	case RESULT_NONE:
		break;
	}
}

static void event_csv_put_arguments(struct out *out, const struct event *event)
{
	if (!event_is_call(event))
		return;
	out_char(out, '"'); /* arguments contain commas, but never a quote */
	events_arguments(out, event);
	out_char(out, '"');
}

static void event_csv_put_break(struct out *out, const struct event *event,
				enum event_column column)
{
	uint64_t before, after;

	if (!call_break(event, &before, &after))
		return;
	if (column == EVENT_COLUMN_BREAK_BEFORE)
		out_hex(out, before);
	else if (column == EVENT_COLUMN_BREAK_AFTER)
		out_hex(out, after);
	else
		out_signed(out, (int64_t)(after - before));
}

static void event_csv_put_object(struct out *out, const struct event_view *view,
				 enum event_column column)
{
	static const enum event_column of_kind[OBJECT_KIND_COUNT] = {
		EVENT_COLUMN_SHMID, EVENT_COLUMN_SEMID, EVENT_COLUMN_MSQID};
	struct call_object known = call_object(view);

	if (!event_is_of_object(view->event))
		return;
	if (column == of_kind[event_object_kind(view->event)] && known.id_known)
		out_signed(out, known.id);
	if (column == EVENT_COLUMN_KEY && known.key_known)
		words_key_hex(out, known.key);
	if (column == EVENT_COLUMN_SIZE && known.size_known)
		out_number(out, known.size);
}

static void event_csv_put_call(struct out *out, const struct event_view *view,
			       enum event_column column)
{
	const struct event *event = view->event;
	uint64_t address;

	switch (column) {
	case EVENT_COLUMN_ORIGIN:
		if (events_origin(view))
			out_text(out, events_origin(view));
		break;
	case EVENT_COLUMN_ERRNO:
		if (event_is_call(event) && event_failed(event))
			words_errno(out, event->detail);
		break;
	case EVENT_COLUMN_KERNEL:
		if (event_is_call(event))
			event_csv_put_bool(out, !(event->flags & FLAG_LIBC_ONLY));
		break;
	case EVENT_COLUMN_ADDRESS:
		if (call_address(event, &address))
			out_hex(out, address);
		break;
	case EVENT_COLUMN_INHERITED:
		if (call_address(event, &address))
			event_csv_put_bool(out, event->kind == KIND_SHMDT &&
							event->flags & FLAG_INHERITED);
		break;
	case EVENT_COLUMN_BREAK_BEFORE:
	case EVENT_COLUMN_BREAK_AFTER:
	case EVENT_COLUMN_BREAK_DELTA:
		event_csv_put_break(out, event, column);
		break;
	default:
		event_csv_put_object(out, view, column);
	}
}

static void event_csv_put_cell(struct out *out, const struct event_view *view,
			       enum event_column column)
{
	const struct event *event = view->event;

	switch (column) {
	case EVENT_COLUMN_SEQ:
		out_number(out, view->seq);
		break;
	case EVENT_COLUMN_TIME_NS:
		out_number(out, event->time_ns);
		break;
	case EVENT_COLUMN_PID:
		out_signed(out, call_pid(view));
		break;
	case EVENT_COLUMN_TID:
		out_signed(out, event->tid);
		break;
	case EVENT_COLUMN_IMAGE:
		out_number(out, view->process ? view->process->facts.image : 0);
		break;
	case EVENT_COLUMN_COMM:
		out_csv(out, call_comm(view));
		break;
	case EVENT_COLUMN_CALL:
		out_text(out, event_name(event->kind));
		break;
	case EVENT_COLUMN_ARGS:
		event_csv_put_arguments(out, event);
		break;
	case EVENT_COLUMN_RET:
		event_csv_put_result(out, event);
		break;
	default:
		event_csv_put_call(out, view, column);
	}
}

void events_csv(struct out *out, const struct event_view *view, const enum event_column *columns,
		unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			out_char(out, ',');
		event_csv_put_cell(out, view, columns[i]);
	}
	out_char(out, '\n');
}
