/* SPDX-License-Identifier: MIT */
#include "report/export/pprof.h"

#include <stdlib.h>
#include <string.h>

#include "report/export/gzip.h"
#include "report/export/pprof_tables.h"
#include "report/model/place.h"
#include "report/view/partial.h"

#define NO_STACK "(no call stack)"
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

/* What the call sites of an image and an origin explain. */
struct pprof_explained {
	uint64_t grown, moves;
};

struct pprof {
	const struct model *model;
	const struct filter *filter;
	struct gzip gzip;
	struct pprof_tables tables;
	struct pprof_explained (*explained)[BY_COUNT]; /* by instance */
	uint64_t totals[VALUE_COUNT];
};

static const char *const origins[BY_COUNT] = {"direct", "malloc"};

struct pprof_sample {
	const struct model_process *process;
	uint64_t locations[STACK_FRAMES_MAX + 1];
	uint32_t location_count;
	uint64_t values[VALUE_COUNT];
	const char *origin, *kind, *call, *where; /* null: no label */
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

static void pprof_put_sample(struct pprof *pprof, struct pprof_sample *sample)
{
	struct pprof_tables *tables = &pprof->tables;
	bool any = false;

	for (int i = 0; i < VALUE_COUNT; i++)
		any |= sample->values[i] != 0;
	if (!any)
		return;
	if (sample->location_count == 0)
		sample->locations[sample->location_count++] = pprof_location_of_words(tables,
										      NO_STACK);
	protobuf_open(&tables->profile, PROFILE_SAMPLE);
	protobuf_packed(&tables->profile, SAMPLE_LOCATION, sample->locations,
			sample->location_count);
	protobuf_packed(&tables->profile, SAMPLE_VALUE, sample->values, VALUE_COUNT);
	pprof_put_label(tables, "program", model_program_name(&sample->process->facts));
	pprof_put_pid(tables, sample->process->facts.pid);
	pprof_put_label(tables, "kind", sample->kind);
	pprof_put_label(tables, "origin", sample->origin);
	pprof_put_label(tables, "call", sample->call);
	pprof_put_label(tables, "where", sample->where);
	protobuf_close(&tables->profile);
	for (int i = 0; i < VALUE_COUNT; i++)
		pprof->totals[i] += sample->values[i];
	if (tables->profile.count >= PENDING_BYTES)
		pprof_flush(pprof);
}

/* ---- call sites ---- */

static void pprof_set_values(struct pprof *pprof, const struct model_site *site,
			     struct pprof_sample *sample)
{
	struct pprof_explained *explained = &pprof->explained[site->instance][site->by_malloc];

	if (site->call == KIND_SHMAT) {
		sample->kind = "attached";
		sample->values[VALUE_ATTACHED] = site->bytes;
		return;
	}
	sample->kind = "break";
	sample->origin = origins[site->by_malloc];
	sample->values[VALUE_GROWN] = site->bytes;
	sample->values[VALUE_NET] = site->kept_bytes;
	sample->values[VALUE_MOVES] = site->count - site->failed;
	explained->grown += site->bytes;
	explained->moves += site->count - site->failed;
}

static void pprof_locate(struct pprof *pprof, const struct model_site *site,
			 struct pprof_sample *sample)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = model_stack(pprof->model, site->instance, site->stack, frames);
	struct pprof_tables *tables = &pprof->tables;

	for (uint32_t i = 0; i < count; i++)
		sample->locations[i] = pprof_location(tables, &frames[i], site->instance);
	if (partial_is_cut(frames, count))
		sample->locations[count++] = pprof_location_of_words(tables, PARTIAL_CUT_NAME);
	sample->location_count = count;
}

static void pprof_add_site(struct pprof *pprof, const struct model_site *site)
{
	struct pprof_sample sample = {.process = model_process(pprof->model, site->instance),
				      .call = event_name(site->call)};
	struct place place;
	char where[sizeof place];

	if (!sample.process || !filter_process(pprof->filter, sample.process) ||
	    (site->call > KIND_SBRK && site->call != KIND_SHMAT))
		return;
	pprof_set_values(pprof, site, &sample);
	pprof_locate(pprof, site, &sample);
	place_of_stack(pprof->model, site->instance, site->stack, &place);
	sample.where = place_words(&place, where, sizeof where);
	pprof_put_sample(pprof, &sample);
}

/* ---- what no call site explains ---- */

static uint64_t rest_of(uint64_t whole, uint64_t part)
{
	return whole > part ? whole - part : 0;
}

static void pprof_add_rest(struct pprof *pprof, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	struct pprof_sample sample = {.process = process, .kind = "break"};

	sample.values[VALUE_NET] = process->unknown_kept_bytes;
	pprof_put_sample(pprof, &sample);
	sample.values[VALUE_NET] = 0;
	for (int by = 0; by < BY_COUNT; by++) {
		const struct move_facts *moves = &facts->moves[by];
		const struct pprof_explained *explained = &pprof->explained[facts->instance][by];

		sample.origin = origins[by];
		sample.values[VALUE_GROWN] = rest_of(moves->grown_bytes, explained->grown);
		sample.values[VALUE_MOVES] = rest_of(moves->grows + moves->shrinks + moves->stills,
						     explained->moves);
		pprof_put_sample(pprof, &sample);
	}
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

static void pprof_put_samples(struct pprof *pprof)
{
	const struct model *model = pprof->model;

	for (uint32_t i = 0; i < model->sites.count; i++)
		pprof_add_site(pprof, &model->sites.rows[i]);
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i] &&
		    filter_process(pprof->filter, model->processes.by_instance[i]))
			pprof_add_rest(pprof, model->processes.by_instance[i]);
}

bool pprof_write(struct out *out, const struct model *model, const struct filter *filter)
{
	struct pprof pprof = {.model = model, .filter = filter};
	bool whole;

	pprof.explained = calloc((size_t)model->processes.instance_capacity + 1,
				 sizeof *pprof.explained);
	if (!pprof.explained || !gzip_begin(&pprof.gzip, out)) {
		free(pprof.explained);
		return false;
	}
	pprof_tables_begin(&pprof.tables);
	pprof_put_head(&pprof);
	pprof_put_samples(&pprof);
	pprof_put_tail(&pprof);
	whole = pprof_tables_whole(&pprof.tables);
	gzip_end(&pprof.gzip);
	pprof_tables_free(&pprof.tables);
	free(pprof.explained);
	return whole;
}
