/* SPDX-License-Identifier: MIT */
#include "report/export/openmetrics.h"

#include <stdlib.h>

#include "report/export/label.h"
#include "report/util/array.h"

#define SAMPLES_MOST 500u /* of a program, about */
#define NS_PER_MS 1000000u
#define MS_PER_S 1000u

struct openmetrics_values {
	uint64_t heap, attached, moves;
};

struct openmetrics_sample {
	uint64_t time_ms; /* since the session's start */
	struct openmetrics_values values;
};

struct openmetrics_program {
	char labels[LABELS_BYTES];
	struct openmetrics_values now;
	struct openmetrics_sample *samples;
	uint32_t count, capacity;
};

/* ---- programs ---- */

static struct openmetrics_program *openmetrics_program(struct openmetrics *history,
						       const struct model_process *process)
{
	bool is_new;
	uint64_t id = intern_text(&history->names, model_program_name(&process->facts), &is_new);

	if (!id || !ARRAY_RESERVE_ZEROED(history->programs, history->program_capacity, id)) {
		history->no_memory = true;
		return NULL;
	}
	if (id > history->program_count)
		history->program_count = (uint32_t)id;
	if (is_new)
		label_append(history->programs[id - 1].labels, "program",
			     model_program_name(&process->facts));
	return &history->programs[id - 1];
}

static void openmetrics_change(void *context, const struct model_process *process,
			       const struct timeline_share *before,
			       const struct timeline_share *now)
{
	struct openmetrics_program *program = openmetrics_program(context, process);

	if (!program)
		return;
	program->now.heap += now->heap - before->heap;
	program->now.attached += now->attached - before->attached;
}

/* Times of one series must grow: the second sample of a millisecond is one later. */
static void openmetrics_sample(struct openmetrics *history, uint64_t time_ns)
{
	for (uint32_t i = 0; i < history->program_count; i++) {
		struct openmetrics_program *program = &history->programs[i];
		uint64_t time_ms = time_ns / NS_PER_MS;

		if (program->count && program->samples[program->count - 1].time_ms >= time_ms)
			time_ms = program->samples[program->count - 1].time_ms + 1;
		if (!ARRAY_RESERVE(program->samples, program->capacity, program->count + 1)) {
			history->no_memory = true;
			return;
		}
		program->samples[program->count++] = (struct openmetrics_sample){time_ms,
										 program->now};
	}
}

static void openmetrics_last(void *context, const struct model *model, uint64_t time_ns)
{
	uint64_t duration_ns = model->session.duration_ns;

	openmetrics_sample(context, time_ns < duration_ns ? time_ns : duration_ns);
}

/* ---- events ---- */

void openmetrics_begin(struct openmetrics *history, const struct filter *filter)
{
	*history = (struct openmetrics){.timeline = {.filter = filter,
						     .change = openmetrics_change,
						     .last = openmetrics_last,
						     .context = history}};
}

static void openmetrics_start(struct openmetrics *history, const struct model *model)
{
	timeline_begin(&history->timeline, model);
	history->step_ns = model->session.duration_ns / SAMPLES_MOST;
	if (history->step_ns < NS_PER_MS)
		history->step_ns = NS_PER_MS;
	history->next_ns = 0;
}

void openmetrics_add_event(struct openmetrics *history, const struct model *model,
			   const struct event *event)
{
	const struct model_process *process = model_process(model, event->process);
	struct openmetrics_program *program;

	if (!history->timeline.began)
		openmetrics_start(history, model);
	if (event->time_ns >= history->next_ns) {
		uint64_t time_ns = event->time_ns - event->time_ns % history->step_ns;

		timeline_turn_to(&history->timeline, model, time_ns);
		openmetrics_sample(history, time_ns);
		history->next_ns = time_ns + history->step_ns;
	}
	timeline_turn_to(&history->timeline, model, event->time_ns);
	timeline_add_event(&history->timeline, model, event);
	if (event->kind > KIND_SBRK || event_failed(event) || !process ||
	    !filter_process(history->timeline.filter, process))
		return;
	program = openmetrics_program(history, process);
	if (program)
		program->now.moves++;
}

/* ---- output ---- */

static const struct {
	const char *name, *suffix, *head;
} families[] = {
	{"memshim_break_bytes", "",
	 "# TYPE memshim_break_bytes gauge\n# UNIT memshim_break_bytes bytes\n"
	 "# HELP memshim_break_bytes Bytes that the breaks of running processes have grown by.\n"},
	{"memshim_attached_bytes", "",
	 "# TYPE memshim_attached_bytes gauge\n# UNIT memshim_attached_bytes bytes\n"
	 "# HELP memshim_attached_bytes Bytes that running processes have attached.\n"},
	{"memshim_break_moves", "_total",
	 "# TYPE memshim_break_moves counter\n# HELP memshim_break_moves Moves of the break.\n"},
};

static uint64_t family_value(const struct openmetrics_values *values, size_t family)
{
	return family == 0 ? values->heap : family == 1 ? values->attached : values->moves;
}

static void openmetrics_put(struct out *out, const struct openmetrics_program *program,
			    const char *instance, size_t family, uint64_t start_ms)
{
	for (uint32_t i = 0; i < program->count; i++) {
		const struct openmetrics_sample *sample = &program->samples[i];
		uint64_t time_ms = start_ms + sample->time_ms;

		out_text(out, families[family].name);
		out_text(out, families[family].suffix);
		out_char(out, '{');
		out_text(out, instance);
		out_char(out, ',');
		out_text(out, program->labels);
		OUT(out, "} ");
		out_number(out, family_value(&sample->values, family));
		out_char(out, ' ');
		out_number(out, time_ms / MS_PER_S);
		out_char(out, '.');
		out_digits(out, time_ms % MS_PER_S, 3);
		out_char(out, '\n');
	}
}

bool openmetrics_write(struct out *out, struct openmetrics *history, const struct model *model)
{
	const struct session_facts *session = &model->session;
	char instance[LABELS_BYTES] = "";

	if (!history->timeline.began)
		openmetrics_start(history, model);
	timeline_turn_to(&history->timeline, model, UINT64_MAX);
	openmetrics_sample(history, session->duration_ns);
	label_append(instance, "instance", session->host);
	for (size_t family = 0; family < sizeof families / sizeof *families; family++) {
		out_text(out, families[family].head);
		for (uint32_t i = 0; i < history->program_count; i++)
			openmetrics_put(out, &history->programs[i], instance, family,
					session->started_realtime_ns / NS_PER_MS);
	}
	OUT(out, "# EOF\n");
	return !history->no_memory && !history->timeline.no_memory && !history->names.no_memory;
}

void openmetrics_free(struct openmetrics *history)
{
	for (uint32_t i = 0; i < history->program_count; i++)
		free(history->programs[i].samples);
	free(history->programs);
	intern_free(&history->names);
	timeline_free(&history->timeline);
}
