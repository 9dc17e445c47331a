/* SPDX-License-Identifier: MIT */
#include "report/export/pprof.h"

#include <string.h>

#include "report/export/gzip.h"
#include "report/export/pprof_tables.h"
#include "report/export/samples.h"
#include "report/model/place.h"
#include "report/view/partial.h"

#define PENDING_BYTES 65536u

enum { SAMPLE_LOCATION = 1, SAMPLE_VALUE = 2, SAMPLE_LABEL = 3 };
enum { LABEL_KEY = 1, LABEL_TEXT = 2, LABEL_NUMBER = 3 };
enum { TYPE_NAME = 1, TYPE_UNIT = 2 };

enum pprof_value { VALUE_GROWN, VALUE_NET, VALUE_MOVES, VALUE_ATTACHED, VALUE_COUNT };

static const struct {
	const char *name, *unit;
} value_types[VALUE_COUNT] = {
	[VALUE_GROWN] = {"grown_space", "bytes"},
	[VALUE_NET] = {"net_space", "bytes"},
	[VALUE_MOVES] = {"moves", "count"},
	[VALUE_ATTACHED] = {"attached_space", "bytes"},
};

struct pprof {
	const struct model *model;
	const struct filter *filter;
	struct gzip gzip;
	struct pprof_tables tables;
	uint64_t totals[VALUE_COUNT];
};

struct pprof_sample {
	uint64_t locations[STACK_FRAMES_MAX + 1];
	uint32_t location_count;
	const char *where; /* null: no label */
};

static void pprof_flush(struct pprof *pprof)
{
	gzip_write(&pprof->gzip, pprof->tables.profile.bytes, pprof->tables.profile.count);
	pprof->tables.profile.count = 0;
}

/* ---- samples ---- */

static void pprof_put_label(struct pprof_tables *tables, const char *name, const char *text)
{
	uint64_t key, value;

	if (!text || !*text)
		return;
	key = pprof_string(tables, name);
	value = pprof_string(tables, text);
	protobuf_open(&tables->profile, SAMPLE_LABEL);
	protobuf_number(&tables->profile, LABEL_KEY, key);
	protobuf_number(&tables->profile, LABEL_TEXT, value);
	protobuf_close(&tables->profile);
}

static void pprof_put_pid(struct pprof_tables *tables, int32_t pid)
{
	uint64_t key = pprof_string(tables, "pid");

	protobuf_open(&tables->profile, SAMPLE_LABEL);
	protobuf_number(&tables->profile, LABEL_KEY, key);
	protobuf_number(&tables->profile, LABEL_NUMBER, (uint64_t)(int64_t)pid);
	protobuf_close(&tables->profile);
}

static void pprof_put_labels(struct pprof_tables *tables, const struct sample *sample)
{
	pprof_put_label(tables, "program", model_program_name(&sample->process->facts));
	pprof_put_pid(tables, sample->process->facts.pid);
	pprof_put_label(tables, "kind", sample->attached ? "attached" : "break");
	pprof_put_label(tables, "origin", sample->origin);
	pprof_put_label(tables, "call", sample->site ? event_name(sample->site->call) : NULL);
}

static void pprof_put_sample(struct pprof *pprof, const struct sample *sample,
			     const struct pprof_sample *place)
{
	struct protobuf *profile = &pprof->tables.profile;
	uint64_t values[VALUE_COUNT] = {
		[VALUE_GROWN] = sample->grown_bytes,
		[VALUE_NET] = sample->net_bytes,
		[VALUE_MOVES] = sample->moves,
		[VALUE_ATTACHED] = sample->attached_bytes,
	};

	protobuf_open(profile, PROFILE_SAMPLE);
	protobuf_packed(profile, SAMPLE_LOCATION, place->locations, place->location_count);
	protobuf_packed(profile, SAMPLE_VALUE, values, VALUE_COUNT);
	pprof_put_labels(&pprof->tables, sample);
	pprof_put_label(&pprof->tables, "where", place->where);
	protobuf_close(profile);
	for (int i = 0; i < VALUE_COUNT; i++)
		pprof->totals[i] += values[i];
	if (profile->count >= PENDING_BYTES)
		pprof_flush(pprof);
}

static void pprof_locate(struct pprof *pprof, const struct model_site *site,
			 struct pprof_sample *place)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = site ? model_stack(pprof->model, site->instance, site->stack, frames) : 0;
	struct pprof_tables *tables = &pprof->tables;

	for (uint32_t i = 0; i < count; i++)
		place->locations[i] = pprof_location(tables, &frames[i], site->instance);
	if (partial_is_cut(frames, count))
		place->locations[count++] = pprof_location_of_words(tables, PARTIAL_CUT_NAME);
	if (count == 0)
		place->locations[count++] = pprof_location_of_words(tables, SAMPLE_NO_STACK);
	place->location_count = count;
}

static void pprof_visit_sample(void *context, const struct sample *sample)
{
	struct pprof *pprof = context;
	struct pprof_sample place = {.where = NULL};
	struct place wanted;
	char where[sizeof wanted];

	pprof_locate(pprof, sample->site, &place);
	if (sample->site) {
		place_of_stack(pprof->model, sample->site->instance, sample->site->stack, &wanted);
		place.where = place_words(&wanted, where, sizeof where);
	}
	pprof_put_sample(pprof, sample, &place);
}

/* ---- the profile ---- */

static void pprof_put_type(struct pprof_tables *tables, unsigned field, const char *name,
			   const char *unit)
{
	uint64_t type = pprof_string(tables, name), of = pprof_string(tables, unit);

	protobuf_open(&tables->profile, field);
	protobuf_number(&tables->profile, TYPE_NAME, type);
	protobuf_number(&tables->profile, TYPE_UNIT, of);
	protobuf_close(&tables->profile);
}

/* Consumers take the first mapping for the program's own. */
static void pprof_map_command(struct pprof *pprof)
{
	const struct model *model = pprof->model;
	const struct model_process *first = NULL;

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (process && filter_process(pprof->filter, process) &&
		    (!first || process->facts.start_ns < first->facts.start_ns))
			first = process;
	}
	for (uint32_t i = 0; first && i < model->stacks.module_capacity; i++)
		if (model->stacks.modules[i] &&
		    strcmp(model->stacks.modules[i]->facts.path, first->facts.exe) == 0)
			pprof_mapping(&pprof->tables, model->stacks.modules[i]);
}

static void pprof_put_head(struct pprof *pprof)
{
	const struct session_facts *session = &pprof->model->session;
	struct protobuf *profile = &pprof->tables.profile;

	for (int i = 0; i < VALUE_COUNT; i++)
		pprof_put_type(&pprof->tables, PROFILE_SAMPLE_TYPE, value_types[i].name,
			       value_types[i].unit);
	pprof_put_type(&pprof->tables, PROFILE_PERIOD_TYPE, "space", "bytes");
	protobuf_number(profile, PROFILE_PERIOD, 1);
	protobuf_number(profile, PROFILE_TIME_NS, session->started_realtime_ns);
	protobuf_number(profile, PROFILE_DURATION_NS, session->duration_ns);
	pprof_map_command(pprof);
}

/* The default is the first of these that is not empty, as for --flame. */
static const char *pprof_default_type(const struct pprof *pprof)
{
	static const enum pprof_value order[] = {VALUE_NET, VALUE_GROWN, VALUE_ATTACHED};

	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (pprof->totals[order[i]])
			return value_types[order[i]].name;
	return value_types[VALUE_GROWN].name;
}

static void pprof_put_tail(struct pprof *pprof)
{
	struct pprof_tables *tables = &pprof->tables;
	char notes[PARTIAL_NOTES_MAX][PARTIAL_NOTE_BYTES];
	unsigned count = partial_notes(pprof->model, pprof->filter, notes);
	uint64_t type = pprof_string(tables, pprof_default_type(pprof));

	protobuf_number(&tables->profile, PROFILE_DEFAULT_TYPE, type);
	for (unsigned i = 0; i < count; i++) {
		uint64_t note = pprof_string(tables, notes[i]);

		protobuf_number(&tables->profile, PROFILE_COMMENT, note);
	}
	pprof_strings_write(tables);
	pprof_flush(pprof);
}

bool pprof_write(struct out *out, const struct model *model, const struct filter *filter)
{
	struct pprof pprof = {.model = model, .filter = filter};
	bool whole;

	if (!gzip_begin(&pprof.gzip, out))
		return false;
	pprof_tables_begin(&pprof.tables);
	pprof_put_head(&pprof);
	whole = samples_visit(model, filter, pprof_visit_sample, &pprof);
	pprof_put_tail(&pprof);
	whole &= pprof_tables_whole(&pprof.tables);
	gzip_end(&pprof.gzip);
	pprof_tables_free(&pprof.tables);
	return whole;
}
