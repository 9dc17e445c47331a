/* SPDX-License-Identifier: MIT */
#include "report/view/events_text.h"

#include "report/util/format.h"
#include "report/view/call.h"
#include "report/view/digits.h"
#include "report/view/events_mappings.h"
#include "report/view/events_objects.h"
#include "report/view/stack.h"
#include "report/view/words.h"

#define COMM_COLUMNS 15
#define STACK_INDENT 4u
#define CALL_COLUMNS 54

static void event_text_put_address(struct out *out, uint64_t address)
{
	if (address)
		out_hex(out, address);
	else
		OUT(out, "NULL");
}

static void event_text_put_command(struct out *out, int32_t command)
{
	const char *name = words_command(command);

	if (name)
		out_text(out, name);
	else
		out_hex(out, (uint32_t)command);
}

static void event_text_comma(struct out *out)
{
	OUT(out, ", ");
}

void events_arguments(struct out *out, const struct event *event)
{
	switch (event->kind) {
	case KIND_BRK:
		out_hex(out, event->u.brk.argument);
		break;
	case KIND_SBRK:
		out_signed(out, (int64_t)event->u.brk.argument);
		break;
	case KIND_SHMGET:
		words_key(out, (uint32_t)event->u.shmget.key);
		event_text_comma(out);
		out_number(out, event->u.shmget.size);
		event_text_comma(out);
		words_flags(out, event->u.shmget.flags, words_get_flags, true);
		break;
	case KIND_SHMAT:
		out_signed(out, event->u.shmat.shmid);
		event_text_comma(out);
		event_text_put_address(out, event_asked_address(event));
		event_text_comma(out);
		words_flags(out, event->u.shmat.flags, words_at_flags, false);
		break;
	case KIND_SHMDT:
		event_text_put_address(out, event->u.shmdt.address);
		break;
	case KIND_SHMCTL:
		out_signed(out, event->u.shmctl.shmid);
		event_text_comma(out);
		event_text_put_command(out, event->u.shmctl.command);
		event_text_comma(out);
		event_text_put_address(out, event->u.shmctl.buffer);
		break;
	default:
		if (event_is_of_mapping(event))
			events_mappings_text(out, event);
		else if (event_is_call(event))
			events_objects_text(out, event);
	}
}

static void event_text_put_result(struct out *out, const struct event *event)
{
	int64_t value;

	OUT(out, " = ");
	if (call_result(event, &value) == RESULT_ADDRESS ||
	    (event->kind == KIND_BRK && event->flags & FLAG_RAW && !event_failed(event)))
		out_hex(out, (uint64_t)value);
	else
		out_signed(out, value);
	if (!event_failed(event))
		return;
	out_char(out, ' ');
	words_errno(out, event->detail);
	if (event->flags & FLAG_LIBC_ONLY)
		OUT(out, " (by libc)");
}

/* "132K", or the exact number of bytes. Avoids format_bytes for whole numbers of K: it is slow. */
static char *bytes_at(char *to, uint64_t bytes, bool exact)
{
	if (exact || bytes < 1024)
		return digits_decimal(to, bytes);
	if (bytes % 1024 == 0 && bytes < 1024 * 1024)
		return DIGITS_TEXT(digits_decimal(to, bytes / 1024), "K");
	return to + strlen(format_bytes(to, bytes));
}

static void event_text_put_break(struct out *out, const struct event *event, bool exact)
{
	uint64_t before, after;
	char *to = out_reserve(out, 4 * DIGITS_BYTES);

	if (!call_break(event, &before, &after))
		return;
	to = digits_hex(DIGITS_TEXT(to, "  break "), before);
	if (before == after) {
		out_to(out, DIGITS_TEXT(to, " stays"));
		return;
	}
	to = out->utf8 ? DIGITS_TEXT(to, " → ") : DIGITS_TEXT(to, " -> ");
	to = digits_hex(to, after);
	if (after > before)
		to = bytes_at(DIGITS_TEXT(to, " +"), after - before, exact);
	else
		to = bytes_at(DIGITS_TEXT(to, " -"), before - after, exact);
	out_to(out, to);
}

static void event_text_put_owner(struct out *out, const struct event *event)
{
	uint32_t mode, uid, gid;

	if (!call_owner(event, &mode, &uid, &gid))
		return;
	OUT(out, "  mode ");
	out_octal(out, mode & 0777, 4);
	OUT(out, " uid ");
	out_number(out, uid);
	OUT(out, " gid ");
	out_number(out, gid);
}

/* A get has its key in its arguments. */
static bool event_has_key_argument(const struct event *event)
{
	return event->kind == KIND_SHMGET || event->kind == KIND_SEMGET ||
	       event->kind == KIND_MSGGET;
}

static void event_text_put_object(struct out *out, const struct event_view *view, bool exact)
{
	struct call_object known = call_object(view);
	const struct event *event = view->event;

	if (event->kind == KIND_SHMDT && known.id_known) {
		OUT(out, "  shmid ");
		out_signed(out, known.id);
	}
	if (!event_has_key_argument(event) && known.key_known) {
		OUT(out, "  key ");
		words_key(out, known.key);
	}
	if (known.size_known && !event_failed(event)) {
		OUT(out, "  size ");
		out_to(out, bytes_at(out_reserve(out, DIGITS_BYTES), known.size, exact));
	}
	if (event->flags & FLAG_INHERITED && event->kind == KIND_SHMDT)
		OUT(out, "  inherited");
	event_text_put_owner(out, event);
}

static void event_text_put_call(struct out *out, const struct event_view *view, bool exact)
{
	const struct event *event = view->event;
	const char *origin = events_origin(view);
	bool failed = event_failed(event);
	size_t begin, used;
	char *to;

	if (failed)
		out_color(out, COLOR_RED);
	/* Reserved first: the width below needs the text in one piece. */
	to = out_reserve(out, 4096);
	begin = out->used;
	out_to(out, DIGITS_TEXT(stpcpy(to, event_name(event->kind)), "("));
	events_arguments(out, event);
	out_char(out, ')');
	event_text_put_result(out, event);
	used = out->used - begin;
	if (failed)
		out_color(out, COLOR_NONE);
	out_pad(out, used < CALL_COLUMNS ? CALL_COLUMNS - used : 0);
	if (event_is_of_object(event))
		event_text_put_object(out, view, exact);
	event_text_put_break(out, event, exact);
	if (origin) {
		OUT(out, "  ");
		out_text(out, events_area(view) ? events_area(view) : origin);
	}
}

static void event_text_put_fork(struct out *out, const struct event_view *view)
{
	const struct model_process *parent = model_process(view->model, view->event->u.life.other);

	OUT(out, "+++ forked");
	if (parent) {
		OUT(out, " from ");
		out_signed(out, parent->facts.pid);
	}
	if (view->event->u.life.inherited) {
		OUT(out, ", attachments inherited: ");
		out_number(out, view->event->u.life.inherited);
	}
}

static void event_text_put_exec(struct out *out, const struct event_view *view)
{
	const struct model_process *next = model_process(view->model, view->event->u.life.other);

	OUT(out, "+++ executes ");
	if (next)
		out_safe(out, next->facts.exe);
	else
		OUT(out, "another program");
	if (view->event->u.life.inherited) {
		OUT(out, ", attachments dropped: ");
		out_number(out, view->event->u.life.inherited);
	}
}

static void event_text_put_exit(struct out *out, const struct event *event)
{
	const char *name = name_of_signal(event->u.life.signal);

	if (event->u.life.signal) {
		OUT(out, "+++ killed by ");
		if (name)
			out_text(out, name);
		else
			out_signed(out, event->u.life.signal);
	} else {
		OUT(out, "+++ exited");
		if (event->u.life.status >= 0) {
			OUT(out, " with ");
			out_signed(out, event->u.life.status);
		}
	}
	if (event->u.life.inherited) {
		OUT(out, ", attachments dropped: ");
		out_number(out, event->u.life.inherited);
	}
}

static void event_text_put_life(struct out *out, const struct event_view *view)
{
	out_color(out, COLOR_CYAN);
	switch (view->event->kind) {
	case KIND_FORK:
		event_text_put_fork(out, view);
		break;
	case KIND_EXEC:
		event_text_put_exec(out, view);
		break;
	case KIND_EXIT:
		event_text_put_exit(out, view->event);
		break;
	default:
		OUT(out, "+++ starts ");
		if (view->process)
			out_safe(out, view->process->facts.exe);
		if (view->process && view->process->facts.image) {
			OUT(out, ", image ");
			out_number(out, view->process->facts.image);
		}
	}
	out_color(out, COLOR_NONE);
}

void events_call(struct out *out, const struct event_view *view, bool exact)
{
	if (event_is_call(view->event))
		event_text_put_call(out, view, exact);
	else
		event_text_put_life(out, view);
}

void events_text(struct out *out, const struct event_view *view, bool exact, bool stacks)
{
	const struct event *event = view->event;
	char *to = out_reserve(out, 4 * DIGITS_BYTES);

	to = digits_wide(to, event->time_ns / 1000000000u, 4, ' ');
	to = digits_nine(DIGITS_TEXT(to, "."), event->time_ns % 1000000000u);
	to = digits_wide(DIGITS_TEXT(to, " "), (uint32_t)call_pid(view), 7, ' ');
	out_to(out, DIGITS_TEXT(to, " "));
	out_safe_wide(out, call_comm(view), COMM_COLUMNS);
	out_char(out, ' ');
	events_call(out, view, exact);
	out_char(out, '\n');
	if (stacks)
		stack_text(out, view->model, event->process, event->stack, STACK_INDENT);
}
