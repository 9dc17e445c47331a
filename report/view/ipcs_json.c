/* SPDX-License-Identifier: MIT */
#include "report/view/ipcs.h"
#include "report/view/json.h"
#include "report/view/words.h"

static void ipcs_json_put_key(struct json *json, uint32_t key)
{
	json_name(json, "key");
	out_char(json->out, '"');
	words_key_hex(json->out, key);
	out_char(json->out, '"');
}

static void ipcs_json_put_mode(struct json *json, uint32_t mode)
{
	json_name(json, "mode");
	out_char(json->out, '"');
	out_octal(json->out, mode & 0777, 4);
	out_char(json->out, '"');
}

static void ipcs_json_put_time(struct json *json, const char *name, uint64_t seconds)
{
	char text[64];

	if (seconds)
		json_text(json, name, words_time(seconds * 1000000000u, text));
	else
		json_null(json, name);
}

static void put_owners(struct json *json, uint32_t uid, uint32_t gid, uint32_t creator_uid,
		       uint32_t creator_gid)
{
	json_number(json, "owner_uid", uid);
	json_number(json, "owner_gid", gid);
	json_number(json, "creator_uid", creator_uid);
	json_number(json, "creator_gid", creator_gid);
}

static void ipcs_json_put_creator(struct json *json, const struct ipc_creator *creator)
{
	if (!creator->known && !creator->pid) {
		json_null(json, "creator");
		return;
	}
	json_open(json, "creator", '{');
	json_signed(json, "pid", creator->pid);
	if (creator->known) {
		json_text(json, "program", creator->program);
		json_text(json, "cmdline", creator->cmdline);
	} else {
		json_null(json, "program");
		json_null(json, "cmdline");
	}
	json_bool(json, "runs", creator->runs);
	if (creator->site[0])
		json_text(json, "site", creator->site);
	if (creator->recording[0])
		json_text(json, "recording", creator->recording);
	if (creator->by_session)
		json_text(json, "session", creator->session);
	else
		json_null(json, "session");
	json_close(json, '}');
}

static void ipcs_json_put_holder(struct json *json, const struct kernel_holder *holder)
{
	json_open(json, NULL, '{');
	json_signed(json, "pid", holder->pid);
	json_text(json, "comm", holder->comm);
	json_address(json, "address", holder->start);
	json_number(json, "bytes", holder->end - holder->start);
	json_bool(json, "readonly", holder->readonly);
	json_bool(json, "huge_pages", holder->huge);
	json_bool(json, "other_ipc_namespace", holder->other_ipc);
	json_close(json, '}');
}

static void ipcs_json_put_segment(struct json *json, const struct ipc_table *table,
				  const struct ipc_segment *segment)
{
	const struct kernel_segment *kernel = &segment->kernel;

	json_open(json, NULL, '{');
	ipcs_json_put_key(json, kernel->key);
	json_signed(json, "shmid", kernel->shmid);
	ipcs_json_put_mode(json, kernel->mode);
	put_owners(json, kernel->owner_uid, kernel->owner_gid, kernel->creator_uid,
		   kernel->creator_gid);
	json_number(json, "size", kernel->size);
	json_number(json, "nattch", kernel->nattch);
	json_text(json, "state", ipcs_state(segment));
	ipcs_json_put_creator(json, &segment->creator);
	json_signed(json, "last_pid", kernel->last_pid);
	json_open(json, "holders", '[');
	for (uint32_t i = 0; i < segment->holder_count + segment->other_count; i++)
		ipcs_json_put_holder(json, &table->holders[segment->first_holder + i]);
	json_close(json, ']');
	json_number(json, "unaccounted",
		    kernel->nattch > segment->holder_count ? kernel->nattch - segment->holder_count
							   : 0);
	json_number(json, "resident_bytes", kernel->resident_bytes);
	json_number(json, "swap_bytes", kernel->swap_bytes);
	ipcs_json_put_time(json, "attached", kernel->attached);
	ipcs_json_put_time(json, "detached", kernel->detached);
	ipcs_json_put_time(json, "changed", kernel->changed);
	json_close(json, '}');
}

static void ipcs_json_put_object(struct json *json, const struct kernel_object *object)
{
	bool queue = object->kind == OBJECT_QUEUE;

	json_open(json, NULL, '{');
	ipcs_json_put_key(json, object->key);
	json_signed(json, queue ? "msqid" : "semid", object->id);
	ipcs_json_put_mode(json, object->mode);
	put_owners(json, object->owner_uid, object->owner_gid, object->creator_uid,
		   object->creator_gid);
	json_number(json, queue ? "messages" : "semaphores", object->count);
	if (queue) {
		json_number(json, "bytes", object->bytes);
		json_signed(json, "sent_pid", object->sent_pid);
		json_signed(json, "taken_pid", object->taken_pid);
		ipcs_json_put_time(json, "taken", object->taken);
	}
	ipcs_json_put_time(json, "used", object->used);
	ipcs_json_put_time(json, "changed", object->changed);
	json_close(json, '}');
}

static void put_objects(struct json *json, const struct ipc_table *table, const char *name,
			enum kernel_object_kind kind, const struct filter *filter)
{
	json_open(json, name, '[');
	for (uint32_t i = 0; i < table->object_count && !filter->by_shmid; i++)
		if (table->objects[i].kind == kind &&
		    (!filter->by_key || filter->key == table->objects[i].key))
			ipcs_json_put_object(json, &table->objects[i]);
	json_close(json, ']');
}

void ipcs_json(struct out *out, const struct ipc_table *table, const struct filter *filter)
{
	struct json json = {out, false};

	json_open(&json, NULL, '{');
	json_number(&json, "schema", 1);
	json_open(&json, "segments", '[');
	for (uint32_t i = 0; i < table->segment_count; i++)
		if (ipc_wants(filter, &table->segments[i]))
			ipcs_json_put_segment(&json, table, &table->segments[i]);
	json_close(&json, ']');
	put_objects(&json, table, "queues", OBJECT_QUEUE, filter);
	put_objects(&json, table, "semaphores", OBJECT_SEMAPHORES, filter);
	json_close(&json, '}');
	out_char(out, '\n');
}
