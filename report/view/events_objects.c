/* SPDX-License-Identifier: MIT */
#include "report/view/events_objects.h"

#include <sys/sem.h>

#include "report/view/call.h"
#include "report/view/words.h"

static const char *object_command(const struct event *event, int32_t *number)
{
	bool of_set = event->kind == KIND_SEMCTL;

	*number = of_set ? event->u.semctl.command : event->u.msgctl.command;
	return of_set ? words_semctl_command(*number) : words_msgctl_command(*number);
}

static void object_put_command(struct out *out, const struct event *event)
{
	int32_t number;
	const char *name = object_command(event, &number);

	if (name)
		out_text(out, name);
	else
		out_hex(out, (uint32_t)number);
}

static void object_comma(struct out *out)
{
	OUT(out, ", ");
}

/* "[{semnum, op}], nsops"; of several operations, only the one that waits is known. */
static void object_text_operations(struct out *out, const struct event *event)
{
	OUT(out, "[{");
	if (event->u.semop.semnum >= 0) {
		out_signed(out, event->u.semop.semnum);
		object_comma(out);
		out_signed(out, event->u.semop.op);
		out_char(out, '}');
	} else {
		OUT(out, "...}");
	}
	if (event->u.semop.nsops > 1 && event->u.semop.semnum >= 0)
		OUT(out, ", ...");
	OUT(out, "], ");
	out_number(out, event->u.semop.nsops);
}

void events_objects_text(struct out *out, const struct event *event)
{
	switch (event->kind) {
	case KIND_SEMGET:
	case KIND_MSGGET:
		words_key(out, (uint32_t)event->u.get.key);
		object_comma(out);
		if (event->kind == KIND_SEMGET) {
			out_signed(out, (int32_t)event->u.get.nsems);
			object_comma(out);
		}
		words_flags(out, event->u.get.flags, words_ipc_flags, true);
		break;
	case KIND_SEMCTL:
		out_signed(out, event->u.semctl.semid);
		object_comma(out);
		out_signed(out, event->u.semctl.semnum);
		object_comma(out);
		object_put_command(out, event);
		if (event->u.semctl.command != SETVAL)
			break;
		object_comma(out);
		out_signed(out, event->u.semctl.value);
		break;
	case KIND_MSGCTL:
		out_signed(out, event->u.msgctl.msqid);
		object_comma(out);
		object_put_command(out, event);
		break;
	case KIND_SEMOP:
	case KIND_SEMTIMEDOP:
		out_signed(out, event->u.semop.semid);
		object_comma(out);
		object_text_operations(out, event);
		break;
	default:
		out_signed(out, event->u.message.msqid);
		object_comma(out);
		out_number(out, event->u.message.size);
		object_comma(out);
		if (event->kind == KIND_MSGRCV) {
			out_signed(out, event->u.message.type);
			object_comma(out);
		}
		words_flags(out, (uint32_t)event->u.message.flags, words_message_flags, false);
	}
}

/* ---- JSON ---- */

static void object_json_flags(struct out *out, uint32_t flags, const struct word *words, bool mode)
{
	OUT(out, ",\"flags\":");
	words_flags_json(out, flags, words, mode);
	OUT(out, ",\"flags_raw\":");
	out_number(out, flags);
	if (!mode)
		return;
	OUT(out, ",\"mode\":\"");
	out_octal(out, flags & 0777, 4);
	out_char(out, '"');
}

static void object_json_command(struct out *out, const struct event *event)
{
	uint32_t mode, uid, gid;
	int32_t number;

	object_command(event, &number);
	OUT(out, ",\"cmd\":\"");
	object_put_command(out, event);
	OUT(out, "\",\"cmd_raw\":");
	out_signed(out, number);
	if (!call_owner(event, &mode, &uid, &gid))
		return;
	OUT(out, ",\"mode\":\"");
	out_octal(out, mode & 0777, 4);
	OUT(out, "\",\"uid\":");
	out_number(out, uid);
	OUT(out, ",\"gid\":");
	out_number(out, gid);
}

/* The operation that waits; null where it is not known. */
static void object_json_operation(struct out *out, const struct event *event)
{
	bool known = event->u.semop.semnum >= 0;

	OUT(out, ",\"nsops\":");
	out_number(out, event->u.semop.nsops);
	OUT(out, ",\"semnum\":");
	if (known)
		out_signed(out, event->u.semop.semnum);
	else
		OUT(out, "null");
	OUT(out, ",\"op\":");
	if (known)
		out_signed(out, event->u.semop.op);
	else
		OUT(out, "null");
	if (event->u.semop.timed)
		OUT(out, ",\"timed\":true");
	else
		OUT(out, ",\"timed\":false");
}

static void object_json_get(struct out *out, const struct event *event)
{
	OUT(out, "{\"key\":\"");
	words_key_hex(out, (uint32_t)event->u.get.key);
	out_char(out, '"');
	if (event->kind == KIND_SEMGET) {
		OUT(out, ",\"nsems\":");
		out_signed(out, (int32_t)event->u.get.nsems);
	}
	object_json_flags(out, event->u.get.flags, words_ipc_flags, true);
}

static void object_json_message(struct out *out, const struct event *event)
{
	OUT(out, "{\"msqid\":");
	out_signed(out, event->u.message.msqid);
	OUT(out, ",\"msgsz\":");
	out_number(out, event->u.message.size);
	if (event->kind == KIND_MSGRCV) {
		OUT(out, ",\"msgtyp\":");
		out_signed(out, event->u.message.type);
	}
	object_json_flags(out, (uint32_t)event->u.message.flags, words_message_flags, false);
}

void events_objects_json(struct out *out, const struct event *event)
{
	switch (event->kind) {
	case KIND_SEMGET:
	case KIND_MSGGET:
		object_json_get(out, event);
		break;
	case KIND_SEMCTL:
		OUT(out, "{\"semid\":");
		out_signed(out, event->u.semctl.semid);
		OUT(out, ",\"semnum\":");
		out_signed(out, event->u.semctl.semnum);
		object_json_command(out, event);
		if (event->u.semctl.command != SETVAL)
			break;
		OUT(out, ",\"val\":");
		out_signed(out, event->u.semctl.value);
		break;
	case KIND_MSGCTL:
		OUT(out, "{\"msqid\":");
		out_signed(out, event->u.msgctl.msqid);
		object_json_command(out, event);
		break;
	case KIND_SEMOP:
	case KIND_SEMTIMEDOP:
		OUT(out, "{\"semid\":");
		out_signed(out, event->u.semop.semid);
		object_json_operation(out, event);
		break;
	default:
		object_json_message(out, event);
	}
	out_char(out, '}');
}
