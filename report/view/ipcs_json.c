/* SPDX-License-Identifier: MIT */
/* The IPC table for programs. */
#include "report/view/ipcs_json.h"

#include "report/view/ipcs_objects.h"
#include "report/view/ipcs_text.h"
#include "report/view/json_members.h"

static void ipcs_json_put_creator(struct json *json, const struct ipc_creator *creator)
{
	if (!creator->known && !creator->pid) {
		json_null(json, "creator");
		return;
	}
	json_open(json, "creator", '{');
	json_signed(json, "pid", creator->pid);
	json_text_or_null(json, "program", creator->known ? creator->program : NULL);
	json_text_or_null(json, "cmdline", creator->known ? creator->cmdline : NULL);
	json_bool(json, "runs", creator->runs);
	if (creator->site[0])
		json_text(json, "site", creator->site);
	if (creator->recording[0])
		json_text(json, "recording", creator->recording);
	json_text_or_null(json, "session", creator->by_session ? creator->session : NULL);
	json_close(json, '}');
}

static void ipcs_json_put_segment(struct json *json, const struct ipc_table *table,
				  const struct ipc_segment *segment)
{
	const struct kernel_segment *kernel = &segment->kernel;

	json_open(json, NULL, '{');
	json_key(json, kernel->key);
	json_signed(json, "shmid", kernel->shmid);
	json_mode(json, kernel->mode);
	json_owners(json, kernel->owner_uid, kernel->owner_gid, kernel->creator_uid,
		    kernel->creator_gid);
	json_number(json, "size", kernel->size);
	json_number(json, "nattch", kernel->nattch);
	json_text(json, "state", ipcs_state(segment));
	ipcs_json_put_creator(json, &segment->creator);
	json_signed(json, "last_pid", kernel->last_pid);
	json_open(json, "holders", '[');
	for (uint32_t i = 0; i < segment->holder_count + segment->other_count; i++) {
		json_open(json, NULL, '{');
		json_holder(json, &table->holders[segment->first_holder + i]);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_number(json, "unaccounted",
		    kernel->nattch > segment->holder_count ? kernel->nattch - segment->holder_count
							   : 0);
	json_number(json, "resident_bytes", kernel->resident_bytes);
	json_number(json, "swap_bytes", kernel->swap_bytes);
	json_time(json, "attached", kernel->attached);
	json_time(json, "detached", kernel->detached);
	json_time(json, "changed", kernel->changed);
	json_close(json, '}');
}

static void ipcs_json_put_object(struct json *json, const struct ipc_object *row)
{
	const struct kernel_object *object = &row->kernel;
	bool queue = object->kind == OBJECT_QUEUE;

	json_open(json, NULL, '{');
	json_key(json, object->key);
	json_signed(json, queue ? "msqid" : "semid", object->id);
	json_mode(json, object->mode);
	json_owners(json, object->owner_uid, object->owner_gid, object->creator_uid,
		    object->creator_gid);
	ipcs_json_put_creator(json, &row->creator);
	json_number(json, queue ? "messages" : "semaphores", object->count);
	if (queue) {
		json_number(json, "bytes", object->bytes);
		json_signed(json, "sent_pid", object->sent_pid);
		json_signed(json, "taken_pid", object->taken_pid);
		json_time(json, "taken", object->taken);
	}
	ipcs_object_json(json, row);
	json_time(json, "used", object->used);
	json_time(json, "changed", object->changed);
	json_close(json, '}');
}

static void ipcs_json_put_objects(struct json *json, const struct ipc_table *table,
				  const char *name, enum kernel_object_kind kind,
				  const struct filter *filter)
{
	json_open(json, name, '[');
	for (uint32_t i = 0; i < table->object_count; i++)
		if (table->objects[i].kernel.kind == kind &&
		    ipc_wants_object(filter, &table->objects[i].kernel))
			ipcs_json_put_object(json, &table->objects[i]);
	json_close(json, ']');
}

static void ipcs_json_put_limits(struct json *json, const struct ipcs_options *options)
{
	json_open(json, "limits", '[');
	for (unsigned i = 0; i < OBJECT_KIND_COUNT * IPCS_LIMITS; i++) {
		const struct ipcs_limit *limit = &options->limits[i / IPCS_LIMITS][i % IPCS_LIMITS];

		if (!limit->name)
			continue;
		json_open(json, NULL, '{');
		json_text(json, "name", limit->name);
		json_number(json, "used", limit->used);
		json_number_or_null(json, "limit", limit->most != 0, limit->most);
		json_close(json, '}');
	}
	json_close(json, ']');
}

void ipcs_json(struct out *out, const struct ipc_table *table, const struct ipcs_options *options)
{
	const struct filter *filter = options->filter;
	struct json json = {out, false};

	json_open(&json, NULL, '{');
	json_number(&json, "schema", 1);
	json_open(&json, "segments", '[');
	for (uint32_t i = 0; i < table->segment_count; i++)
		if (ipc_wants(filter, &table->segments[i]))
			ipcs_json_put_segment(&json, table, &table->segments[i]);
	json_close(&json, ']');
	ipcs_json_put_objects(&json, table, "queues", OBJECT_QUEUE, filter);
	ipcs_json_put_objects(&json, table, "semaphores", OBJECT_SEMAPHORES, filter);
	ipcs_json_put_limits(&json, options);
	json_close(&json, '}');
	out_char(out, '\n');
}
