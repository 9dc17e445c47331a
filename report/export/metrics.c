/* SPDX-License-Identifier: MIT */
#include "report/export/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/export/label.h"
#include "report/util/format.h"
#include "report/util/hash.h"

#define NS_PER_S 1000000000u

enum metric {
#define METRIC(id, name, type, labels, help) METRIC_##id,
#include "report/export/metrics.def"
#undef METRIC
	METRIC_COUNT
};

static const struct {
	const char *name, *type, *help;
} metric_rows[METRIC_COUNT] = {
#define METRIC(id, name, type, labels, help) {#name, #type, help},
#include "report/export/metrics.def"
#undef METRIC
};

struct metric_value {
	UT_hash_handle hh;
	uint64_t value;
	size_t key_bytes;
	enum metric metric;
	char labels[]; /* key="value",... */
};

struct metrics {
	struct metric_value *values;
	bool no_memory;
};

struct metrics *metrics_make(void)
{
	return calloc(1, sizeof(struct metrics));
}

void metrics_free(struct metrics *metrics)
{
	struct metric_value *value, *next;

	if (!metrics)
		return;
	HASH_ITER (hh, metrics->values, value, next) {
		HASH_DEL(metrics->values, value);
		free(value);
	}
	free(metrics);
}

/* ---- values ---- */

/* The value of a metric with these labels; it begins with 0. Null without memory. */
static uint64_t *metrics_value(struct metrics *metrics, enum metric metric, const char *labels,
			       bool *is_new)
{
	struct {
		enum metric metric;
		char labels[LABELS_BYTES];
	} key = {.metric = metric};
	size_t length = strlen(labels), bytes = sizeof key.metric + length;
	struct metric_value *value;

	memcpy(key.labels, labels, length);
	HASH_FIND(hh, metrics->values, &key, bytes, value);
	*is_new = !value;
	if (value)
		return &value->value;
	value = calloc(1, sizeof *value + length + 1);
	if (value) {
		value->metric = metric;
		value->key_bytes = bytes;
		memcpy(value->labels, labels, length);
		HASH_ADD_KEYPTR(hh, metrics->values, &value->metric, bytes, value);
	}
	if (value && value->hh.tbl)
		return &value->value;
	free(value);
	metrics->no_memory = true;
	return NULL;
}

static void metrics_add(struct metrics *metrics, enum metric metric, const char *labels,
			uint64_t number)
{
	bool is_new;
	uint64_t *value = metrics_value(metrics, metric, labels, &is_new);

	if (value)
		*value += number;
}

static void metrics_lower(struct metrics *metrics, enum metric metric, const char *labels,
			  uint64_t number)
{
	bool is_new;
	uint64_t *value = metrics_value(metrics, metric, labels, &is_new);

	if (value && (is_new || number < *value))
		*value = number;
}

static void metrics_raise(struct metrics *metrics, enum metric metric, const char *labels,
			  uint64_t number)
{
	bool is_new;
	uint64_t *value = metrics_value(metrics, metric, labels, &is_new);

	if (value && number > *value)
		*value = number;
}

/* ---- labels ---- */

static const char *labels_two(char labels[LABELS_BYTES], const char *first, const char *value,
			      const char *second, const char *second_value)
{
	labels[0] = '\0';
	label_append(labels, first, value);
	if (second)
		label_append(labels, second, second_value);
	return labels;
}

/* ---- sessions ---- */

static void metrics_add_moves(struct metrics *metrics, const struct process_facts *facts)
{
	static const char *const origins[BY_COUNT] = {"direct", "malloc"};
	char labels[LABELS_BYTES];

	for (int by = 0; by < BY_COUNT; by++) {
		const struct move_facts *moves = &facts->moves[by];

		labels_two(labels, "program", model_program_name(facts), "origin", origins[by]);
		metrics_add(metrics, METRIC_MOVES, labels,
			    moves->grows + moves->shrinks + moves->stills);
		metrics_add(metrics, METRIC_GROWN, labels, moves->grown_bytes);
	}
}

static void metrics_add_running(struct metrics *metrics, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	const struct usage_facts *usage = &process->identity.usage;
	uint64_t start = facts->break_initial, now = facts->break_current;
	char labels[LABELS_BYTES];

	labels_two(labels, "program", model_program_name(facts), NULL, NULL);
	metrics_add(metrics, METRIC_PROCESSES, labels, 1);
	metrics_add(metrics, METRIC_BREAK, labels, now > start ? now - start : 0);
	if (usage->samples)
		metrics_add(metrics, METRIC_ANONYMOUS, labels, usage->anonymous_bytes);
	if (process->headroom_known)
		metrics_lower(metrics, METRIC_HEADROOM, labels, process->headroom_bytes);
}

static void failure_labels(char labels[LABELS_BYTES], const char *program, unsigned call,
			   const char *error)
{
	labels_two(labels, "program", program, "call", event_name(call));
	label_append(labels, "errno", error);
}

/* Of all failed calls, the errno is unknown at first; see metrics_add_failures. */
static void metrics_add_failed(struct metrics *metrics, const struct process_facts *facts)
{
	char labels[LABELS_BYTES];

	for (unsigned call = 0; call < KIND_CALLS; call++) {
		if (!facts->failed[call])
			continue;
		failure_labels(labels, model_program_name(facts), call, "unknown");
		metrics_add(metrics, METRIC_FAILED, labels, facts->failed[call]);
	}
}

/* Moves failures whose event the log has to their errno. */
static void metrics_add_failures(struct metrics *metrics, const struct model *model,
				 const struct filter *filter)
{
	for (const struct model_failure *failure = NULL;
	     (failure = failure_next(model, failure));) {
		const struct model_process *process = model_process(model, failure->process);
		const char *error = name_of_errno((int)failure->key.error);
		char labels[LABELS_BYTES];
		uint64_t *unknown, count;
		bool is_new;

		if (failure->key.call >= KIND_CALLS || !process || !filter_process(filter, process))
			continue;
		failure_labels(labels, model_program_name(&process->facts), failure->key.call,
			       "unknown");
		unknown = metrics_value(metrics, METRIC_FAILED, labels, &is_new);
		count = unknown && failure->count < *unknown ? failure->count
			: unknown                            ? *unknown
							     : 0;
		if (!unknown || !count || !error)
			continue;
		*unknown -= count;
		failure_labels(labels, model_program_name(&process->facts), failure->key.call,
			       error);
		metrics_add(metrics, METRIC_FAILED, labels, count);
	}
}

/* A set has no bytes; a queue has those of its messages, as the kernel told last. */
static uint64_t metrics_bytes(const struct model_segment *object)
{
	if (object->kind == SHARED_MEMORY)
		return object->size;
	return object->kind == MESSAGE_QUEUE && object->in_kernel ? object->kernel.resident_bytes
								  : 0;
}

/* As far as is known, an object that was not removed since exists. */
static void metrics_add_object(struct metrics *metrics, const struct model *model,
			       const struct filter *filter, const struct model_segment *object)
{
	static const char *const kinds[] = {"segment", "semaphores", "queue"};
	const struct model_process *creator = model_process(model, object->creator);
	bool exists = object->state == SEGMENT_PRESENT || object->state == SEGMENT_MARKED;
	char labels[LABELS_BYTES];

	if (object->created == CREATED_NOT || !creator || !filter_process(filter, creator) ||
	    !exists || object->presence == PRESENCE_REMOVED)
		return;
	labels_two(labels, "kind", kinds[object->kind], "program",
		   model_program_name(&creator->facts));
	metrics_add(metrics, METRIC_PRESENT, labels, 1);
	metrics_add(metrics, METRIC_PRESENT_BYTES, labels, metrics_bytes(object));
	metrics_add(metrics, METRIC_LEAKED, labels, object->leaked);
	metrics_add(metrics, METRIC_LEAKED_BYTES, labels,
		    object->leaked ? metrics_bytes(object) : 0);
}

static void metrics_add_head(struct metrics *metrics, const struct model *model)
{
	static const char *const states[] = {"live", "ended", "abandoned"};
	char labels[LABELS_BYTES];

	metrics_add(metrics, METRIC_SESSIONS,
		    labels_two(labels, "state", states[model->session.state], NULL, NULL), 1);
	metrics_raise(metrics, METRIC_NEWEST, "", model->session.started_realtime_ns / NS_PER_S);
	for (unsigned loss = 0; loss < LOST_COUNT; loss++)
		if (loss != LOST_BAD_SETTING && loss != LOST_NOT_REDIRECTED)
			metrics_add(metrics, METRIC_LOST,
				    labels_two(labels, "cause", loss_name(loss), NULL, NULL),
				    model->losses.lost[loss]);
}

void metrics_add_session(struct metrics *metrics, const struct model *model,
			 const struct filter *filter)
{
	metrics_add_head(metrics, model);
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (!process || !filter_process(filter, process))
			continue;
		metrics_add_moves(metrics, &process->facts);
		metrics_add_failed(metrics, &process->facts);
		if (process->facts.state == STATE_RUNNING)
			metrics_add_running(metrics, process);
	}
	metrics_add_failures(metrics, model, filter);
	for (uint32_t i = 0; i < model->segments.count; i++)
		metrics_add_object(metrics, model, filter, model->segments.rows[i]);
	for (uint32_t i = 0; i < model->objects.count; i++)
		metrics_add_object(metrics, model, filter, model->objects.rows[i]);
}

void metrics_add_limit(struct metrics *metrics, const char *name, uint64_t used, uint64_t limit)
{
	char labels[LABELS_BYTES];

	if (!limit)
		return;
	labels_two(labels, "limit", name, NULL, NULL);
	metrics_add(metrics, METRIC_USED, labels, used);
	metrics_add(metrics, METRIC_LIMIT, labels, limit);
}

/* ---- output ---- */

static int metrics_compare(const struct metric_value *a, const struct metric_value *b)
{
	if (a->metric != b->metric)
		return a->metric < b->metric ? -1 : 1;
	return strcmp(a->labels, b->labels);
}

static void metrics_put_head(struct out *out, enum metric metric)
{
	OUT(out, "# HELP ");
	out_text(out, metric_rows[metric].name);
	out_char(out, ' ');
	out_text(out, metric_rows[metric].help);
	OUT(out, "\n# TYPE ");
	out_text(out, metric_rows[metric].name);
	out_char(out, ' ');
	out_text(out, metric_rows[metric].type);
	out_char(out, '\n');
}

bool metrics_write(struct out *out, struct metrics *metrics)
{
	enum metric metric = METRIC_COUNT;

	HASH_SORT(metrics->values, metrics_compare);
	for (const struct metric_value *value = metrics->values; value; value = value->hh.next) {
		if (value->metric != metric)
			metrics_put_head(out, value->metric);
		metric = value->metric;
		out_text(out, metric_rows[metric].name);
		if (*value->labels) {
			out_char(out, '{');
			out_text(out, value->labels);
			out_char(out, '}');
		}
		out_char(out, ' ');
		out_number(out, value->value);
		out_char(out, '\n');
	}
	return !metrics->no_memory;
}
