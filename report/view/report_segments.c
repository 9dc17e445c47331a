/* SPDX-License-Identifier: MIT */
/* Segments and attachments of report --json. */
#include "report/view/report_segments.h"

#include "report/model/holders.h"
#include "report/view/json_members.h"
#include "report/view/sites.h"
#include "report/view/stack.h"
#include "report/view/words.h"

static const char *const how_ended[] = {
	[ENDED_BY_SHMDT] = "shmdt", [ENDED_BY_EXEC] = "exec",  [ENDED_BY_EXIT] = "exit",
	[ENDED_BY_REMAP] = "remap", [ENDED_UNSEEN] = "unseen",
};

/* ---- segments ---- */

static void report_segment_put_flags(struct json *json, const struct model_segment *segment)
{
	json_name(json, "flags");
	words_flags_json(json->out, segment->flags_known ? segment->flags : 0,
			 segment->kind == SHARED_MEMORY ? words_get_flags : words_ipc_flags, true);
}

static void report_segment_put_mode(struct json *json, const struct model_segment *segment)
{
	uint32_t mode;

	if (!model_segment_mode(segment, &mode)) {
		json_null(json, "mode");
		return;
	}
	json_mode(json, mode);
}

void report_stack_json(struct json *json, const struct model *model, uint32_t instance,
		       uint32_t stack)
{
	if (model_knows_stack(model, stack))
		stack_json(json, "stack", model, instance, stack);
	else
		json_null(json, "stack");
}

static void report_segment_put_creator(struct json *json, const struct model *model,
				       const struct model_segment *segment)
{
	const struct model_process *creator = model_process(model, segment->creator);

	if (segment->created == CREATED_NOT || !creator) {
		json_null(json, "creator");
		return;
	}
	json_open(json, "creator", '{');
	json_process(json, creator);
	json_text(json, "cmdline", creator->facts.cmdline);
	json_number(json, "start_ns", creator->facts.start_ns);
	report_stack_json(json, model, segment->creator, segment->creator_stack);
	json_close(json, '}');
}

static void report_segment_put_removed(struct json *json, const struct model *model,
				       const struct model_segment *segment)
{
	const struct model_process *remover = model_process(model, segment->remover);

	if (!segment->removed) {
		json_null(json, "removed");
		return;
	}
	json_open(json, "removed", '{');
	json_number(json, "ns", segment->removed_ns);
	json_process(json, remover);
	report_stack_json(json, model, segment->remover, segment->remover_stack);
	json_close(json, '}');
}

static void report_segment_put_owner(struct json *json, const struct model_segment *segment)
{
	uint32_t uid;
	bool known = model_segment_owner(segment, &uid);

	json_number_or_null(json, "owner_uid", known, uid);
}

static void report_segment_put_change(struct json *json, const struct model *model,
				      const struct model_change *change)
{
	const struct model_process *process = model_process(model, change->instance);

	json_open(json, NULL, '{');
	json_number(json, "ns", change->time_ns);
	json_process(json, process);
	json_mode(json, change->mode);
	json_number(json, "owner_uid", change->uid);
	json_number(json, "owner_gid", change->gid);
	report_stack_json(json, model, change->instance, change->stack);
	json_close(json, '}');
}

/* Each IPC_SET, oldest first. */
static void report_segment_put_changes(struct json *json, const struct model *model,
				       const struct model_segment *segment)
{
	json_open(json, "changes", '[');
	for (uint32_t i = 0; i < model->history.change_count; i++)
		if (model->history.changes[i].segment == segment)
			report_segment_put_change(json, model, &model->history.changes[i]);
	json_close(json, ']');
}

static void report_segment_put_nattch(struct json *json, const struct model_segment *segment)
{
	bool gone = segment->state == SEGMENT_DESTROYED;

	json_number_or_null(json, "nattch", segment->in_kernel || gone,
			    gone ? 0 : segment->kernel.nattch);
	json_number(json, "nattch_peak", segment->peak);
	json_number(json, "attached_here", segment->now);
}

/*
 * The attachments that the kernel shows now. "unaccounted": those in nattch that no readable
 * /proc/PID/maps shows.
 */
static void report_segment_put_holders(struct json *json, const struct model *model,
				       const struct model_segment *segment)
{
	bool known = model->kernel.holders_known && segment->presence == PRESENCE_HERE;
	uint64_t nattch = segment->current.nattch;

	json_open(json, "holders", '[');
	for (uint32_t i = 0; known && i < model->kernel.holder_count; i++) {
		const struct kernel_holder *holder = &model->kernel.holders[i];

		if (!model_holds(model, segment, holder))
			continue;
		json_open(json, NULL, '{');
		json_holder(json, holder);
		json_bool(json, "traced", model_holder_process(model, holder) != NULL);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_number_or_null(json, "unaccounted", known,
			    nattch > segment->found ? nattch - segment->found : 0);
}

/* The segment at the time of the report; null where this machine cannot tell. */
static void report_segment_put_now(struct json *json, const struct model_segment *segment)
{
	bool here = segment->presence == PRESENCE_HERE;

	if (segment->presence == PRESENCE_UNKNOWN) {
		json_null(json, "now");
		return;
	}
	json_open(json, "now", '{');
	json_text(json, "state", here ? "present" : "removed");
	if (segment->kind == SHARED_MEMORY)
		json_number(json, "nattch", here ? segment->current.nattch : 0);
	if (segment->reaped) {
		json_open(json, "removed_by", '{');
		json_text(json, "program", "memshim reap");
		json_number(json, "uid", segment->reaped->uid);
		json_time(json, "time", segment->reaped->removed_s);
		json_close(json, '}');
	}
	json_close(json, '}');
}

void report_origin_json(struct json *json, const struct model *model,
			const struct model_segment *object)
{
	report_segment_put_mode(json, object);
	report_segment_put_flags(json, object);
	report_segment_put_owner(json, object);
	json_number_or_null(json, "created_ns", object->created != CREATED_NOT, object->seen_ns);
	report_segment_put_creator(json, model, object);
}

void report_end_json(struct json *json, const struct model *model,
		     const struct model_segment *object)
{
	report_segment_put_removed(json, model, object);
	json_segment_state(json, object);
	report_segment_put_now(json, object);
}

static void report_segment_put(struct json *json, const struct model *model,
			       const struct model_segment *segment)
{
	json_open(json, NULL, '{');
	json_segment(json, segment);
	if (segment->key_known)
		json_key(json, segment->key);
	else
		json_null(json, "key");
	json_segment_size(json, segment);
	report_origin_json(json, model, segment);
	json_number(json, "attaches", segment->attaches);
	json_number(json, "detaches", segment->detaches);
	json_number(json, "inherited", segment->inherited);
	report_segment_put_nattch(json, segment);
	report_segment_put_changes(json, model, segment);
	report_end_json(json, model, segment);
	json_number_or_null(json, "resident_bytes", segment->in_kernel,
			    segment->kernel.resident_bytes);
	json_number_or_null(json, "swap_bytes", segment->in_kernel, segment->kernel.swap_bytes);
	report_segment_put_holders(json, model, segment);
	json_close(json, '}');
}

static void report_segments_put(struct json *json, const struct model *model,
				const struct filter *filter)
{
	json_open(json, "segments", '[');
	for (uint32_t i = 0; i < model->segments.count; i++)
		if (filter_segment(filter, model->segments.rows[i]))
			report_segment_put(json, model, model->segments.rows[i]);
	json_close(json, ']');
}

/* ---- attachments ---- */

static void report_segment_put_attachment(struct json *json, const struct model_process *process,
					  const struct model_attachment *attachment,
					  const struct model_past *past)
{
	json_open(json, NULL, '{');
	json_signed(json, "pid", process->facts.pid);
	json_signed(json, "shmid", attachment->segment->shmid);
	json_address(json, "address", attachment->address);
	json_segment_size(json, attachment->segment);
	json_bool(json, "readonly", attachment->readonly);
	json_number(json, "since_ns", attachment->since_ns);
	json_text(json, "how", attachment->inherited ? "fork" : "shmat");
	json_bool(json, "live", !past);
	json_number_or_null(json, "until_ns", past != NULL, past ? past->until_ns : 0);
	json_text_or_null(json, "ended_by", past ? how_ended[past->how] : NULL);
	json_close(json, '}');
}

static bool report_segment_wants(const struct filter *filter, const struct model_process *process,
				 const struct model_attachment *attachment)
{
	return filter_process(filter, process) && filter_segment(filter, attachment->segment);
}

static void report_segment_put_attachments(struct json *json, const struct model *model,
					   const struct filter *filter)
{
	json_open(json, "attachments", '[');
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		for (uint32_t k = 0; process && k < process->attached_count; k++)
			if (report_segment_wants(filter, process, &process->attached[k]))
				report_segment_put_attachment(json, process, &process->attached[k],
							      NULL);
	}
	for (uint32_t i = 0; i < model->history.past_count; i++) {
		const struct model_past *past = &model->history.past[i];

		if (report_segment_wants(filter, past->process, &past->attachment))
			report_segment_put_attachment(json, past->process, &past->attachment, past);
	}
	json_close(json, ']');
	json_number(json, "attachments_omitted", model->history.past_omitted);
}

void report_segments_json(struct json *json, const struct model *model, const struct filter *filter)
{
	report_segments_put(json, model, filter);
	report_segment_put_attachments(json, model, filter);
}
