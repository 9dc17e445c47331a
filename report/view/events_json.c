/* SPDX-License-Identifier: MIT */
/* One JSON object per event. */
#include "report/view/events_json.h"

#include "report/view/call.h"
#include "report/view/events_mappings.h"
#include "report/view/events_objects.h"
#include "report/view/stack.h"
#include "report/view/words.h"

static void event_json_put_hex(struct out *out, uint64_t address)
{
	out_char(out, '"');
	out_hex(out, address);
	out_char(out, '"');
}

static void event_json_put_shmget(struct out *out, const struct event *event)
{
	uint32_t flags = event->u.shmget.flags;

	OUT(out, "{\"key\":\"");
	words_key_hex(out, (uint32_t)event->u.shmget.key);
	OUT(out, "\",\"size\":");
	out_number(out, event->u.shmget.size);
	OUT(out, ",\"flags\":");
	words_flags_json(out, flags, words_get_flags, true);
	OUT(out, ",\"flags_raw\":");
	out_number(out, flags);
	OUT(out, ",\"mode\":\"");
	out_octal(out, flags & 0777, 4);
	OUT(out, "\"}");
}

static void event_json_put_shmat(struct out *out, const struct event *event)
{
	OUT(out, "{\"shmid\":");
	out_signed(out, event->u.shmat.shmid);
	OUT(out, ",\"addr\":");
	event_json_put_hex(out, event_asked_address(event));
	OUT(out, ",\"flags\":");
	words_flags_json(out, event->u.shmat.flags, words_at_flags, false);
	OUT(out, ",\"flags_raw\":");
	out_number(out, event->u.shmat.flags);
	out_char(out, '}');
}

static void event_json_put_shmctl(struct out *out, const struct event *event)
{
	const char *name = words_command(event->u.shmctl.command);

	OUT(out, "{\"shmid\":");
	out_signed(out, event->u.shmctl.shmid);
	OUT(out, ",\"cmd\":\"");
	if (name)
		out_text(out, name);
	else
		out_hex(out, (uint32_t)event->u.shmctl.command);
	OUT(out, "\",\"cmd_raw\":");
	out_signed(out, event->u.shmctl.command);
	OUT(out, ",\"buf\":");
	event_json_put_hex(out, event->u.shmctl.buffer);
	if (event->flags & FLAG_OWNER_KNOWN) {
		OUT(out, ",\"mode\":\"");
		out_octal(out, event->u.shmctl.mode & 0777, 4);
		OUT(out, "\",\"uid\":");
		out_number(out, event->u.shmctl.uid);
		OUT(out, ",\"gid\":");
		out_number(out, event->u.shmctl.gid);
	}
	out_char(out, '}');
}

static void event_json_put_arguments(struct out *out, const struct event *event)
{
	switch (event->kind) {
	case KIND_BRK:
		OUT(out, "{\"addr\":");
		event_json_put_hex(out, event->u.brk.argument);
		out_char(out, '}');
		break;
	case KIND_SBRK:
		OUT(out, "{\"increment\":");
		out_signed(out, (int64_t)event->u.brk.argument);
		out_char(out, '}');
		break;
	case KIND_SHMGET:
		event_json_put_shmget(out, event);
		break;
	case KIND_SHMAT:
		event_json_put_shmat(out, event);
		break;
	case KIND_SHMDT:
		OUT(out, "{\"addr\":");
		event_json_put_hex(out, event->u.shmdt.address);
		out_char(out, '}');
		break;
	case KIND_SHMCTL:
		event_json_put_shmctl(out, event);
		break;
	default:
		if (event_is_of_mapping(event))
			events_mappings_json(out, event);
		else
			events_objects_json(out, event);
	}
}

static void event_json_put_break(struct out *out, const struct event *event)
{
	uint64_t before, after;

	if (!call_break(event, &before, &after))
		return;
	OUT(out, ",\"break\":{\"before\":");
	event_json_put_hex(out, before);
	OUT(out, ",\"after\":");
	event_json_put_hex(out, after);
	OUT(out, ",\"delta\":");
	out_signed(out, (int64_t)(after - before));
	out_char(out, '}');
}

static const char *const id_names[OBJECT_KIND_COUNT] = {
	",\"shmid\":", ",\"semid\":", ",\"msqid\":"};

static void event_json_put_object(struct out *out, const struct event_view *view)
{
	struct call_object known = call_object(view);
	uint64_t address;

	if (known.id_known) {
		out_text(out, id_names[event_object_kind(view->event)]);
		out_signed(out, known.id);
	}
	if (known.key_known) {
		OUT(out, ",\"key\":\"");
		words_key_hex(out, known.key);
		out_char(out, '"');
	}
	if (known.size_known) {
		OUT(out, ",\"size\":");
		out_number(out, known.size);
	}
	if (!call_address(view->event, &address))
		return;
	OUT(out, ",\"address\":");
	event_json_put_hex(out, address);
	if (view->event->flags & FLAG_INHERITED && view->event->kind == KIND_SHMDT)
		OUT(out, ",\"inherited\":true");
	else
		OUT(out, ",\"inherited\":false");
}

static void event_json_put_result(struct out *out, const struct event *event)
{
	int64_t value;

	OUT(out, ",\"ret\":");
	if (call_result(event, &value) == RESULT_ADDRESS)
		event_json_put_hex(out, (uint64_t)value);
	else
		out_signed(out, value);
	OUT(out, ",\"errno\":");
	if (event_failed(event))
		words_errno_json(out, event->detail);
	else
		OUT(out, "null");
	if (event->flags & FLAG_LIBC_ONLY)
		OUT(out, ",\"kernel\":false");
	else
		OUT(out, ",\"kernel\":true");
}

/* `area` tells a heap of an arena from a large block. */
static void event_json_put_origin(struct out *out, const struct event_view *view)
{
	const char *origin = events_origin(view), *area = events_area(view);

	if (!origin)
		return;
	OUT(out, ",\"origin\":\"");
	out_text(out, origin);
	out_char(out, '"');
	if (!area)
		return;
	OUT(out, ",\"area\":\"");
	out_text(out, area);
	out_char(out, '"');
}

static void event_json_put_call(struct out *out, const struct event_view *view)
{
	const struct event *event = view->event;

	event_json_put_origin(out, view);
	OUT(out, ",\"args\":");
	event_json_put_arguments(out, event);
	event_json_put_result(out, event);
	event_json_put_break(out, event);
	if (event_is_of_object(event))
		event_json_put_object(out, view);
}

static void event_json_put_program(struct out *out, const struct model_process *process)
{
	if (!process)
		return;
	OUT(out, ",\"exe\":");
	out_json(out, process->facts.exe);
	OUT(out, ",\"cmdline\":");
	out_json(out, process->facts.cmdline);
}

static void event_json_put_other_pid(struct out *out, const struct event_view *view)
{
	const struct model_process *other = model_process(view->model, view->event->u.life.other);

	if (view->event->kind == KIND_FORK && other) {
		OUT(out, ",\"parent_pid\":");
		out_signed(out, other->facts.pid);
	}
	if (view->event->kind == KIND_EXEC) {
		event_json_put_program(out, other);
		if (other) {
			OUT(out, ",\"next_image\":");
			out_number(out, other->facts.image);
		}
	}
}

static void event_json_put_life(struct out *out, const struct event_view *view)
{
	const struct event *event = view->event;

	if (event->kind == KIND_START)
		event_json_put_program(out, view->process);
	event_json_put_other_pid(out, view);
	if (event->kind == KIND_EXIT) {
		OUT(out, ",\"status\":");
		if (event->u.life.signal || event->u.life.status < 0)
			OUT(out, "null");
		else
			out_signed(out, event->u.life.status);
		OUT(out, ",\"signal\":");
		if (event->u.life.signal)
			out_signed(out, event->u.life.signal);
		else
			OUT(out, "null");
	}
	if (event->kind != KIND_START) {
		OUT(out, ",\"attachments\":");
		out_number(out, event->u.life.inherited);
	}
	OUT(out, ",\"break_at\":");
	event_json_put_hex(out, event->u.life.before);
}

/*
 * The pid and tid in the recorder's pid namespace, where they differ. The recorder knows the tid
 * of a process's first thread only.
 */
static void event_json_put_host_ids(struct out *out, const struct event_view *view)
{
	const struct process_facts *facts = view->process ? &view->process->facts : NULL;

	if (!facts || facts->host_pid == 0 || facts->host_pid == facts->pid)
		return;
	OUT(out, ",\"host_pid\":");
	out_signed(out, facts->host_pid);
	if (view->event->tid != facts->pid)
		return;
	OUT(out, ",\"host_tid\":");
	out_signed(out, facts->host_pid);
}

void events_json(struct out *out, const struct event_view *view, bool stacks)
{
	const struct event *event = view->event;

	OUT(out, "{\"seq\":");
	out_number(out, view->seq);
	OUT(out, ",\"time_ns\":");
	out_number(out, event->time_ns);
	OUT(out, ",\"pid\":");
	out_signed(out, call_pid(view));
	OUT(out, ",\"tid\":");
	out_signed(out, event->tid);
	event_json_put_host_ids(out, view);
	OUT(out, ",\"image\":");
	out_number(out, view->process ? view->process->facts.image : 0);
	OUT(out, ",\"comm\":");
	out_json(out, call_comm(view));
	OUT(out, ",\"call\":\"");
	out_text(out, event_name(event->kind));
	out_char(out, '"');
	if (event_is_call(event))
		event_json_put_call(out, view);
	else
		event_json_put_life(out, view);
	if (event->stack) {
		OUT(out, ",\"stack_id\":");
		out_number(out, event->stack);
	}
	if (stacks && model_knows_stack(view->model, event->stack)) {
		struct json json = {out, true};

		stack_json(&json, "stack", view->model, event->process, event->stack);
		if (stack_is_cut(view->model, event->process, event->stack))
			json_bool(&json, "stack_cut", true);
	}
	OUT(out, "}\n");
}
