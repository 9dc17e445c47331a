/* SPDX-License-Identifier: MIT */
#include "report/export/samples.h"

#include <stdlib.h>

static const char *const origins[BY_COUNT] = {"direct", "malloc"};

/* What the call sites of an image and an origin explain. */
struct samples_explained {
	uint64_t grown_bytes, moves;
};

struct samples {
	const struct model *model;
	const struct filter *filter;
	sample_visit *visit;
	void *context;
	struct samples_explained (*explained)[BY_COUNT]; /* by instance */
};

static void sample_emit(const struct samples *samples, const struct sample *sample)
{
	if (sample->grown_bytes || sample->net_bytes || sample->moves || sample->attached_bytes)
		samples->visit(samples->context, sample);
}

static void samples_add_site(struct samples *samples, const struct model_site *site)
{
	struct sample sample = {.process = model_process(samples->model, site->instance),
				.site = site};
	struct samples_explained *explained;

	if (!sample.process || !filter_process(samples->filter, sample.process))
		return;
	if (site->call == KIND_SHMAT) {
		sample.attached = true;
		sample.attached_bytes = site->bytes;
	} else if (site->call <= KIND_SBRK) {
		sample.origin = origins[site->by_malloc];
		sample.grown_bytes = site->bytes;
		sample.net_bytes = site->kept_bytes;
		sample.moves = site->count - site->failed;
		explained = &samples->explained[site->instance][site->by_malloc];
		explained->grown_bytes += sample.grown_bytes;
		explained->moves += sample.moves;
	}
	sample_emit(samples, &sample);
}

static uint64_t rest_of(uint64_t whole, uint64_t part)
{
	return whole > part ? whole - part : 0;
}

static void samples_add_rest(struct samples *samples, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	struct sample sample = {.process = process, .net_bytes = process->unknown_kept_bytes};

	sample_emit(samples, &sample);
	sample.net_bytes = 0;
	for (int by = 0; by < BY_COUNT; by++) {
		const struct move_facts *moves = &facts->moves[by];
		const struct samples_explained
			*explained = &samples->explained[facts->instance][by];

		sample.origin = origins[by];
		sample.grown_bytes = rest_of(moves->grown_bytes, explained->grown_bytes);
		sample.moves = rest_of(moves->grows + moves->shrinks + moves->stills,
				       explained->moves);
		sample_emit(samples, &sample);
	}
}

bool samples_visit(const struct model *model, const struct filter *filter, sample_visit *visit,
		   void *context)
{
	struct samples samples = {model, filter, visit, context, NULL};

	samples.explained = calloc((size_t)model->processes.instance_capacity + 1,
				   sizeof *samples.explained);
	if (!samples.explained)
		return false;
	for (uint32_t i = 0; i < model->sites.count; i++)
		samples_add_site(&samples, &model->sites.rows[i]);
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i] &&
		    filter_process(filter, model->processes.by_instance[i]))
			samples_add_rest(&samples, model->processes.by_instance[i]);
	free(samples.explained);
	return true;
}
