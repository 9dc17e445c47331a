/* SPDX-License-Identifier: MIT */
#include "report/view/report_objects.h"

#include <stdio.h>

#include "report/util/format.h"
#include "report/view/cell.h"
#include "report/view/json_members.h"
#include "report/view/report_segments.h"
#include "report/view/report_tables.h"
#include "report/view/words.h"

bool report_wait_is_of(const struct wait_facts *wait, const struct model_segment *object)
{
	return object->space == 0 && wait->kind == object->kind && wait->id == object->shmid &&
	       wait->since_ns >= object->seen_ns &&
	       (!object->removed || wait->since_ns <= object->removed_ns);
}

static bool wait_goes_on(const struct model *model, const struct wait_facts *wait)
{
	const struct model_process *process = model_process(model, wait->instance);

	return process && process->facts.state == STATE_RUNNING;
}

static uint32_t count_waits(const struct model *model, const struct model_segment *object)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < model->operations.wait_count; i++)
		count += report_wait_is_of(&model->operations.waits[i], object) &&
			 wait_goes_on(model, &model->operations.waits[i]);
	return count;
}

/* ---- JSON ---- */

static void report_wait_json(struct json *json, const struct model *model,
			     const struct wait_facts *wait)
{
	const struct model_process *process = model_process(model, wait->instance);

	json_open(json, NULL, '{');
	json_signed_or_null(json, "pid", process != NULL, process ? process->facts.pid : 0);
	json_signed(json, "tid", wait->tid);
	json_text(json, "call", event_name(wait->call));
	if (wait->kind == SEMAPHORE_SET) {
		json_signed_or_null(json, "semnum", wait->nsops != 0, wait->semnum);
		json_signed_or_null(json, "op", wait->nsops != 0, wait->op);
	} else if (wait->call == KIND_MSGRCV) {
		json_signed(json, "msgtyp", wait->type);
	}
	json_number(json, "since_ns", wait->since_ns);
	json_signed_or_null(json, "last_pid", wait->last_pid != 0, wait->last_pid);
	json_bool(json, "ended", !wait_goes_on(model, wait));
	json_close(json, '}');
}

static void report_object_json(struct json *json, const struct model *model,
			       const struct model_segment *object)
{
	bool is_set = object->kind == SEMAPHORE_SET;

	json_open(json, NULL, '{');
	json_signed(json, is_set ? "semid" : "msqid", object->shmid);
	json_number_or_null(json, "ipc_namespace", object->space != 0, object->space);
	if (object->key_known)
		json_key(json, object->key);
	else
		json_null(json, "key");
	if (is_set)
		json_number_or_null(json, "nsems", object->size != 0, object->size);
	report_origin_json(json, model, object);
	if (is_set) {
		json_number(json, "operations", object->attaches);
	} else {
		json_number(json, "sent", object->attaches);
		json_number(json, "received", object->detaches);
		json_number_or_null(json, "messages", object->in_kernel, object->kernel.nattch);
		json_number_or_null(json, "bytes", object->in_kernel,
				    object->kernel.resident_bytes);
	}
	json_open(json, "waiting", '[');
	for (uint32_t i = 0; i < model->operations.wait_count; i++)
		if (report_wait_is_of(&model->operations.waits[i], object))
			report_wait_json(json, model, &model->operations.waits[i]);
	json_close(json, ']');
	report_end_json(json, model, object);
	json_close(json, '}');
}

static void report_kind_json(struct json *json, const struct model *model,
			     const struct filter *filter, const char *name, enum object_kind kind)
{
	json_open(json, name, '[');
	for (uint32_t i = 0; i < model->objects.count; i++)
		if (model->objects.rows[i]->kind == kind &&
		    filter_segment(filter, model->objects.rows[i]))
			report_object_json(json, model, model->objects.rows[i]);
	json_close(json, ']');
}

void report_objects_json(struct json *json, const struct model *model, const struct filter *filter)
{
	report_kind_json(json, model, filter, "semaphores", SEMAPHORE_SET);
	report_kind_json(json, model, filter, "queues", MESSAGE_QUEUE);
}

/* ---- tables ---- */

const struct table_column report_set_columns[] = {
	{"semid", "SEMID", true, false, 1},      {"set_key", "KEY", false, false, 1},
	{"nsems", "NSEMS", true, true, 1},       {"set_creator", "CREATOR", false, false, 1},
	{"operations", "OPS", true, true, 1},    {"set_waiting", "WAITING", true, true, 1},
	{"set_state", "STATE", false, false, 1}, {NULL, NULL, false, false, 0},
};

const struct table_column report_queue_columns[] = {
	{"msqid", "MSQID", true, false, 1},
	{"queue_key", "KEY", false, false, 1},
	{"queue_creator", "CREATOR", false, false, 1},
	{"sent", "SENT", true, true, 1},
	{"received", "RECEIVED", true, true, 1},
	{"messages", "LEFT", true, true, 1},
	{"queue_waiting", "WAITING", true, true, 1},
	{"queue_state", "STATE", false, false, 1},
	{NULL, NULL, false, false, 0},
};

static void object_put_key(struct cell *cell, const struct model_segment *object)
{
	if (object->key_known)
		cell_put_key(cell, object->key);
	else
		cell_put_text(cell, "-");
}

static void object_put_creator(struct cell *cell, const struct model *model,
			       const struct model_segment *object)
{
	const struct model_process *creator = model_process(model, object->creator);
	bool known = creator && object->created != CREATED_NOT;

	cell_put_text(cell, known ? model_process_label(creator) : "-");
}

static void object_put_waits(struct cell *cell, const struct model *model,
			     const struct model_segment *object)
{
	uint32_t waits = count_waits(model, object);

	cell_put_count(cell, waits);
	cell->color = waits ? COLOR_YELLOW : COLOR_NONE;
}

static void object_put_state(struct cell *cell, const struct model_segment *object)
{
	snprintf(cell->text, sizeof cell->text, "%s%s", words_segment_state(object),
		 words_segment_fault(object));
	cell->color = object->leaked || object->orphaned ? COLOR_RED : COLOR_NONE;
}

void report_set_cell(const void *row, unsigned column, struct cell *cell, const void *context)
{
	const struct model *model = ((const struct report_context *)context)->model;
	const struct model_segment *set = row;

	cell->color = COLOR_NONE;
	if (column == 0)
		cell_put_number(cell, (uint64_t)set->shmid);
	else if (column == 1)
		object_put_key(cell, set);
	else if (column == 2)
		cell_put_count(cell, set->size);
	else if (column == 3)
		object_put_creator(cell, model, set);
	else if (column == 4)
		cell_put_count(cell, set->attaches);
	else if (column == 5)
		object_put_waits(cell, model, set);
	else
		object_put_state(cell, set);
}

void report_queue_cell(const void *row, unsigned column, struct cell *cell, const void *context)
{
	const struct model *model = ((const struct report_context *)context)->model;
	const struct model_segment *queue = row;

	cell->color = COLOR_NONE;
	if (column == 0)
		cell_put_number(cell, (uint64_t)queue->shmid);
	else if (column == 1)
		object_put_key(cell, queue);
	else if (column == 2)
		object_put_creator(cell, model, queue);
	else if (column == 3)
		cell_put_count(cell, queue->attaches);
	else if (column == 4)
		cell_put_count(cell, queue->detaches);
	else if (column == 5 && queue->in_kernel)
		cell_put_count(cell, queue->kernel.nattch);
	else if (column == 5)
		cell_put_text(cell, "-");
	else if (column == 6)
		object_put_waits(cell, model, queue);
	else
		object_put_state(cell, queue);
}

uint64_t report_object_weight(const void *row)
{
	const struct model_segment *object = row;

	if (object->leaked || object->orphaned)
		return UINT64_MAX / 2;
	return object->attaches + object->detaches;
}

/* ---- waits ---- */

/* The process, as the kernel names it: in the pid namespace of this program. */
static const struct model_process *process_here(const struct model *model, int32_t pid)
{
	const struct model_process *found = NULL;

	for (uint32_t i = 0; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (process && model_pid_here(model, &process->facts) == pid &&
		    process->facts.state == STATE_RUNNING)
			found = process;
	}
	return found;
}

/* Who did last what others wait for: of a lock, its holder. */
static void report_wait_put_last(struct out *out, const struct model *model,
				 const struct wait_facts *wait)
{
	const struct model_process *last = process_here(model, wait->last_pid);
	char text[48];

	out_text(out, wait->kind == SEMAPHORE_SET ? "    changed last by "
		      : wait->call == KIND_MSGRCV ? "    the last message was sent by "
						  : "    the last message was received by ");
	if (last)
		out_safe(out, model_program_name(&last->facts));
	else
		OUT(out, "process");
	snprintf(text, sizeof text,
		 last ? " (%d)\n" : " %d, which is not running in this session\n", wait->last_pid);
	out_text(out, text);
}

void report_wait_put(struct out *out, const struct model *model, const struct wait_facts *wait)
{
	const struct model_process *process = model_process(model, wait->instance);
	bool goes_on = wait_goes_on(model, wait);
	uint64_t until = goes_on || !process || !process->facts.ended ? model->session.duration_ns
								      : process->facts.end_ns;
	char text[160], time[FORMAT_BYTES];

	OUT(out, "  ");
	out_safe(out, process ? model_program_name(&process->facts) : "unknown");
	snprintf(text, sizeof text, " (%d)", process ? process->facts.pid : wait->tid);
	out_text(out, text);
	if (process && wait->tid != process->facts.pid) {
		snprintf(text, sizeof text, ", thread %d", wait->tid);
		out_text(out, text);
	}
	out_text(out, goes_on ? " waits in " : " ended in ");
	out_text(out, event_name(wait->call));
	if (wait->kind == SEMAPHORE_SET && wait->nsops)
		snprintf(text, sizeof text, " for semaphore %d (%+d) of set %d", wait->semnum,
			 wait->op, wait->id);
	else
		snprintf(text, sizeof text, " on %s %d",
			 wait->kind == SEMAPHORE_SET ? "set" : "queue", wait->id);
	out_text(out, text);
	if (until >= wait->since_ns) {
		OUT(out, ", for ");
		out_text(out, format_duration(time, until - wait->since_ns));
	}
	out_char(out, '\n');
	if (goes_on && wait->last_pid)
		report_wait_put_last(out, model, wait);
}

static bool report_wants_wait(const struct model *model, const struct filter *filter,
			      const struct wait_facts *wait)
{
	const struct model_process *process = model_process(model, wait->instance);

	if (process && !filter_process(filter, process))
		return false;
	return !filter->by_key &&
	       (!filter->by_id || (filter->kind == wait->kind && filter->id == wait->id));
}

void report_waits(struct out *out, const struct model *model, const struct filter *filter)
{
	bool any = false;

	for (uint32_t i = 0; i < model->operations.wait_count; i++) {
		if (!report_wants_wait(model, filter, &model->operations.waits[i]))
			continue;
		if (!any) {
			out_char(out, '\n');
			out_color(out, COLOR_BOLD);
			OUT(out, "WAITING");
			out_color(out, COLOR_NONE);
			out_char(out, '\n');
		}
		any = true;
		report_wait_put(out, model, &model->operations.waits[i]);
	}
}
