/* SPDX-License-Identifier: MIT */
/*
 * A track holds slices that are nested or follow each other. The attachments of a pid may overlap
 * in any way, so each goes to the first lane that is free.
 */
#include "report/export/perfetto_slices.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/util/array.h"

#define LANES_MAX 256u /* what does not fit is on the last: consumers show it nested */

struct slice {
	const struct model_process *process;
	const struct model_attachment *attachment;
	uint64_t end_ns;
	const char *how; /* null: it has not ended */
	uint32_t lane;
	uint32_t next; /* of the same segment: index + 1 */
};

struct slices {
	const struct model *model;
	const struct filter *filter;
	struct slice *rows;
	uint32_t count, capacity;
	uint32_t *of_segment; /* by place: index + 1 of the first */
	bool no_memory;
};

static void slices_add(struct slices *slices, const struct model_process *process,
		       const struct model_attachment *attachment, const struct model_past *past)
{
	static const char *const endings[] = {"shmdt", "exec", "exit", "SHM_REMAP", "unseen"};

	if (!process || !filter_process(slices->filter, process))
		return;
	if (!ARRAY_RESERVE(slices->rows, slices->capacity, slices->count + 1)) {
		slices->no_memory = true;
		return;
	}
	slices->rows[slices->count++] = (struct slice){.process = process,
						       .attachment = attachment,
						       .end_ns = past ? past->until_ns : UINT64_MAX,
						       .how = past ? endings[past->how] : NULL};
}

static void slices_gather(struct slices *slices)
{
	const struct model *model = slices->model;

	for (uint32_t i = 0; i < model->history.past_count; i++) {
		const struct model_past *past = &model->history.past[i];

		slices_add(slices, past->process, &past->attachment, past);
	}
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		for (uint32_t k = 0; process && k < process->attached_count; k++)
			slices_add(slices, process, &process->attached[k], NULL);
	}
}

static int slices_compare(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	int32_t x_pid = perfetto_pid(x->process), y_pid = perfetto_pid(y->process);

	if (x_pid != y_pid)
		return x_pid < y_pid ? -1 : 1;
	if (x->attachment->since_ns != y->attachment->since_ns)
		return x->attachment->since_ns < y->attachment->since_ns ? -1 : 1;
	return x->end_ns < y->end_ns ? -1 : x->end_ns > y->end_ns;
}

/* Chooses lanes, and describes each once. */
static void slices_set_lanes(struct slices *slices, struct perfetto *trace)
{
	uint64_t free_ns[LANES_MAX] = {0};
	uint32_t lanes = 0;

	for (uint32_t i = 0; i < slices->count; i++) {
		struct slice *slice = &slices->rows[i];
		int32_t pid = perfetto_pid(slice->process);

		if (i == 0 || perfetto_pid(slice[-1].process) != pid)
			lanes = 0;
		while (slice->lane < lanes && slice->lane + 1 < LANES_MAX &&
		       free_ns[slice->lane] > slice->attachment->since_ns)
			slice->lane++;
		free_ns[slice->lane] = slice->end_ns;
		if (slice->lane < lanes)
			continue;
		lanes = slice->lane + 1;
		perfetto_open_track(trace, perfetto_track(TRACK_OF_ATTACHMENTS, slice->lane, pid),
				    perfetto_track(TRACK_OF_PROCESS, 0, pid), "attachments");
		perfetto_close_track(trace);
	}
}

static void slices_index(struct slices *slices)
{
	slices->of_segment = calloc(slices->model->segments.count + 1, sizeof *slices->of_segment);
	if (!slices->of_segment) {
		slices->no_memory = true;
		return;
	}
	for (uint32_t i = slices->count; i-- > 0;) {
		uint32_t *first = &slices->of_segment[slices->rows[i].attachment->segment->place];

		slices->rows[i].next = *first;
		*first = i + 1;
	}
}

/* The creator of the segment, if the trace has its creation. */
static const struct model_process *slices_creator(const struct slices *slices,
						  const struct model_segment *segment)
{
	const struct model_process *creator = model_process(slices->model, segment->creator);

	return segment->created != CREATED_NOT && creator && filter_process(slices->filter, creator)
		       ? creator
		       : NULL;
}

/* Whether an arrow goes from the creation of the segment to the slice. */
static bool slices_has_arrow(const struct slices *slices, const struct slice *slice)
{
	const struct model_process *creator = slices_creator(slices, slice->attachment->segment);

	return creator && perfetto_pid(creator) != perfetto_pid(slice->process);
}

static void slice_name(const struct model_segment *segment, const char *verb, char name[64])
{
	snprintf(name, 64, "%s %d", verb, segment->shmid);
}

static void slices_put_one(const struct slices *slices, struct perfetto *trace, uint32_t i)
{
	const struct slice *slice = &slices->rows[i];
	const struct model_segment *segment = slice->attachment->segment;
	uint64_t track = perfetto_track(TRACK_OF_ATTACHMENTS, slice->lane,
					perfetto_pid(slice->process));
	char name[64];

	slice_name(segment, "segment", name);
	perfetto_open_event(trace, EVENT_BEGIN, track, slice->attachment->since_ns, name);
	perfetto_annotate_number(trace, "bytes", (int64_t)slice->attachment->bytes);
	perfetto_annotate_address(trace, "address", slice->attachment->address);
	if (segment->key_known)
		perfetto_annotate_address(trace, "key", segment->key);
	perfetto_annotate(trace, "began", slice->attachment->inherited ? "fork" : "shmat");
	perfetto_annotate(trace, "ended", slice->how);
	if (slices_has_arrow(slices, slice))
		perfetto_flow(trace, perfetto_flow_number(FLOW_OF_SEGMENT, i + 1), true);
	perfetto_close_event(trace);
	if (!slice->how)
		return;
	perfetto_open_event(trace, EVENT_END, track, slice->end_ns, NULL);
	perfetto_close_event(trace);
}

/* The creation of an object of any kind; of a segment, with an arrow to each slice of others. */
static void slices_put_creation(const struct slices *slices, struct perfetto *trace,
				const struct model_segment *object,
				const struct model_process *creator)
{
	static const char *const calls[] = {"shmget", "semget", "msgget"};
	bool is_segment = object->kind == SHARED_MEMORY;
	uint32_t i = is_segment && slices->of_segment ? slices->of_segment[object->place] : 0;
	char name[64];

	slice_name(object, calls[object->kind], name);
	perfetto_open_event(trace, EVENT_INSTANT,
			    perfetto_track(TRACK_OF_IMAGES, 0, perfetto_pid(creator)),
			    object->seen_ns, name);
	if (object->kind != MESSAGE_QUEUE)
		perfetto_annotate_number(trace, is_segment ? "bytes" : "semaphores",
					 (int64_t)object->size);
	for (; i; i = slices->rows[i - 1].next)
		if (slices_has_arrow(slices, &slices->rows[i - 1]))
			perfetto_flow(trace, perfetto_flow_number(FLOW_OF_SEGMENT, i), false);
	perfetto_close_event(trace);
}

static void slices_put_removal(struct perfetto *trace, const struct model_segment *object,
			       const struct model_process *remover)
{
	static const char *const calls[] = {"shmctl(IPC_RMID)", "semctl(IPC_RMID)",
					    "msgctl(IPC_RMID)"};
	char name[64];

	slice_name(object, calls[object->kind], name);
	perfetto_open_event(trace, EVENT_INSTANT,
			    perfetto_track(TRACK_OF_IMAGES, 0, perfetto_pid(remover)),
			    object->removed_ns, name);
	perfetto_close_event(trace);
}

static void slices_put_objects(const struct slices *slices, struct perfetto *trace,
			       const struct model_segments *objects)
{
	for (uint32_t i = 0; i < objects->count; i++) {
		const struct model_segment *object = objects->rows[i];
		const struct model_process *creator = slices_creator(slices, object);
		const struct model_process *remover = model_process(slices->model, object->remover);

		if (creator)
			slices_put_creation(slices, trace, object, creator);
		if (object->removed && remover && filter_process(slices->filter, remover))
			slices_put_removal(trace, object, remover);
	}
}

bool perfetto_put_attachments(struct perfetto *trace, const struct model *model,
			      const struct filter *filter)
{
	struct slices slices = {.model = model, .filter = filter};

	slices_gather(&slices);
	if (slices.count)
		qsort(slices.rows, slices.count, sizeof *slices.rows, slices_compare);
	slices_set_lanes(&slices, trace);
	slices_index(&slices);
	slices_put_objects(&slices, trace, &model->segments);
	slices_put_objects(&slices, trace, &model->objects);
	for (uint32_t i = 0; i < slices.count; i++)
		slices_put_one(&slices, trace, i);
	free(slices.of_segment);
	free(slices.rows);
	return !slices.no_memory;
}

/* ---- findings ---- */

static void perfetto_put_finding(struct perfetto *trace, const struct model *model,
				 const struct filter *filter, const struct finding *finding)
{
	static const char *const severities[] = {"error", "warning", "note"};
	const struct model_process *process = model_process(model, finding->instance);
	int32_t pid = process && filter_process(filter, process) ? perfetto_pid(process) : 0;
	uint64_t track = perfetto_track(TRACK_OF_FINDINGS, 0, pid);

	perfetto_open_track(trace, track, pid ? perfetto_track(TRACK_OF_PROCESS, 0, pid) : 0,
			    "findings");
	perfetto_close_track(trace);
	perfetto_open_event(trace, EVENT_INSTANT, track, model->session.duration_ns,
			    model_finding_name(finding->kind));
	perfetto_annotate(trace, "severity", severities[finding->severity]);
	perfetto_annotate(trace, "text", finding->text);
	perfetto_annotate(trace, "advice", finding->advice);
	perfetto_annotate_number(trace, "count", (int64_t)finding->count);
	perfetto_annotate_number(trace, "bytes", (int64_t)finding->bytes);
	perfetto_close_event(trace);
}

/* They are conclusions about the whole session, so they stand at its end. */
void perfetto_put_findings(struct perfetto *trace, const struct model *model,
			   const struct filter *filter)
{
	for (uint32_t i = 0; i < model->findings.count; i++)
		if (!finding_is_routine(&model->findings.rows[i]))
			perfetto_put_finding(trace, model, filter, &model->findings.rows[i]);
}
