/* SPDX-License-Identifier: MIT */
/*
 * A consumer takes the profiles of one pid as cumulative, so all images of a pid are one profile,
 * at the end of the last. Samples with the same stack are added up.
 */
#include "report/export/perfetto_heap.h"

#include <stdlib.h>
#include <string.h>

#include "report/export/intern.h"
#include "report/export/samples.h"
#include "report/util/array.h"
#include "report/view/partial.h"
#include "report/view/stack.h"

#define NAME_BYTES 4352u
#define DUMPS_BYTES 65536u /* of one packet */

enum { INTERNED_FUNCTION = 5, INTERNED_FRAME = 6, INTERNED_STACK = 7 };
enum { INTERNED_BUILD_ID = 16, INTERNED_PATH = 17, INTERNED_SOURCE = 18, INTERNED_MAPPING = 19 };
enum { INTERN_ID = 1, STRING_TEXT = 2 };
enum { MAPPING_BUILD_ID = 2, MAPPING_PATH = 7 };
enum { FRAME_FUNCTION = 2, FRAME_MAPPING, FRAME_OFFSET, FRAME_SOURCE, FRAME_LINE };
enum { STACK_FRAMES = 2 };
enum { PROFILE_DUMP = 5, PROFILE_CONTINUED = 6, PROFILE_INDEX = 7 };
enum { DUMP_PID = 1, DUMP_SAMPLE = 2, DUMP_TIME = 9, DUMP_HEAP = 11 };
enum { HEAP_STACK = 1, HEAP_ALLOCATED = 2, HEAP_FREED = 3, HEAP_COUNT = 5 };

struct heap_sample {
	int32_t pid;
	bool attached;
	uint64_t stack;
	uint64_t end_ns;
	uint64_t bytes, net_bytes, count;
};

struct heaps {
	const struct model *model;
	struct perfetto *trace;
	struct protobuf interned; /* a message InternedData */
	struct intern functions, sources, paths, build_ids, mappings, frames, stacks;
	struct heap_sample *samples;
	uint32_t sample_count, sample_capacity;
	uint64_t packets;
	bool no_memory;
};

/* ---- interned data ---- */

static uint64_t heaps_put_string(struct heaps *heaps, unsigned field, const void *text,
				 size_t bytes, uint64_t id, bool is_new)
{
	if (!is_new)
		return id;
	protobuf_open(&heaps->interned, field);
	protobuf_number(&heaps->interned, INTERN_ID, id);
	protobuf_bytes(&heaps->interned, STRING_TEXT, text, bytes);
	protobuf_close(&heaps->interned);
	return id;
}

/* The row of the table that came last has the cleaned text. */
struct heaps_last {
	const void *text;
	size_t bytes;
};

static void heaps_visit_last(void *context, const void *key, size_t bytes)
{
	*(struct heaps_last *)context = (struct heaps_last){key, bytes};
}

static uint64_t heaps_string(struct heaps *heaps, struct intern *table, unsigned field,
			     const char *text)
{
	struct heaps_last last = {"", 0};
	bool is_new;
	uint64_t id = intern_text(table, text, &is_new);

	if (is_new)
		intern_last(table, heaps_visit_last, &last);
	return heaps_put_string(heaps, field, last.text, last.bytes, id, is_new);
}

static uint64_t heaps_build_id(struct heaps *heaps, const struct module_facts *facts)
{
	bool is_new;
	uint64_t id = intern_key(&heaps->build_ids, facts->build_id, facts->build_id_bytes,
				 &is_new);

	return heaps_put_string(heaps, INTERNED_BUILD_ID, facts->build_id, facts->build_id_bytes,
				id, is_new);
}

static uint64_t heaps_mapping(struct heaps *heaps, const struct model_module *module)
{
	uint32_t number = module ? module->facts.number : 0;
	bool is_new;
	uint64_t id = intern_key(&heaps->mappings, &number, sizeof number, &is_new), path;
	uint64_t build_id = 0;

	if (!is_new)
		return id;
	path = heaps_string(heaps, &heaps->paths, INTERNED_PATH,
			    module ? module->facts.path : "[unknown]");
	if (module && module->facts.build_id_bytes)
		build_id = heaps_build_id(heaps, &module->facts);
	protobuf_open(&heaps->interned, INTERNED_MAPPING);
	protobuf_number(&heaps->interned, INTERN_ID, id);
	if (build_id)
		protobuf_number(&heaps->interned, MAPPING_BUILD_ID, build_id);
	protobuf_number(&heaps->interned, MAPPING_PATH, path);
	protobuf_close(&heaps->interned);
	return id;
}

struct heaps_frame {
	uint64_t mapping, offset, function, source, line;
};

static uint64_t heaps_frame(struct heaps *heaps, const struct heaps_frame *frame)
{
	bool is_new;
	uint64_t id = intern_key(&heaps->frames, frame, sizeof *frame, &is_new);

	if (!is_new)
		return id;
	protobuf_open(&heaps->interned, INTERNED_FRAME);
	protobuf_number(&heaps->interned, INTERN_ID, id);
	protobuf_number(&heaps->interned, FRAME_FUNCTION, frame->function);
	protobuf_number(&heaps->interned, FRAME_MAPPING, frame->mapping);
	protobuf_number(&heaps->interned, FRAME_OFFSET, frame->offset);
	if (frame->source)
		protobuf_number(&heaps->interned, FRAME_SOURCE, frame->source);
	if (frame->line)
		protobuf_number(&heaps->interned, FRAME_LINE, frame->line);
	protobuf_close(&heaps->interned);
	return id;
}

/* An inlined function is a frame of its own. Not part of the caller's frame on the stack. */
static __attribute__((noinline)) uint64_t heaps_place(struct heaps *heaps,
						      const struct stack_frame *frame, uint32_t at)
{
	const struct frame_place *place = frame->name && at < frame->name->count
						  ? &frame->name->places[at]
						  : NULL;
	struct heaps_frame row = {.mapping = heaps_mapping(heaps, frame->module),
				  .offset = frame->offset};
	char name[NAME_BYTES];

	row.function = heaps_string(heaps, &heaps->functions, INTERNED_FUNCTION,
				    stack_words(frame, at, name, sizeof name));
	if (place && place->file)
		row.source = heaps_string(heaps, &heaps->sources, INTERNED_SOURCE, place->file);
	if (place)
		row.line = place->line;
	return heaps_frame(heaps, &row);
}

/* Something that is not known, in words. */
static uint64_t heaps_words(struct heaps *heaps, const char *words, uint64_t offset)
{
	struct heaps_frame row = {.mapping = heaps_mapping(heaps, NULL), .offset = offset};

	row.function = heaps_string(heaps, &heaps->functions, INTERNED_FUNCTION, words);
	return heaps_frame(heaps, &row);
}

static uint64_t heaps_intern_stack(struct heaps *heaps, const uint64_t *ids, uint32_t count)
{
	bool is_new;
	uint64_t id = intern_key(&heaps->stacks, ids, count * sizeof *ids, &is_new);

	if (!is_new)
		return id;
	protobuf_open(&heaps->interned, INTERNED_STACK);
	protobuf_number(&heaps->interned, INTERN_ID, id);
	for (uint32_t i = 0; i < count; i++)
		protobuf_number(&heaps->interned, STACK_FRAMES, ids[i]);
	protobuf_close(&heaps->interned);
	return id;
}

/* The outermost frame is the first. */
static uint64_t heaps_stack(struct heaps *heaps, const struct sample *sample)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint64_t ids[STACK_FRAMES_MAX * FRAME_PLACES_MAX + 1];
	uint32_t used = 0, count = 0;

	if (sample->site)
		count = model_stack(heaps->model, sample->site->instance, sample->site->stack,
				    frames);
	if (count == 0)
		ids[used++] = heaps_words(heaps, SAMPLE_NO_STACK, sample->attached);
	if (partial_is_cut(frames, count))
		ids[used++] = heaps_words(heaps, PARTIAL_CUT_NAME, 0);
	for (uint32_t i = count; i-- > 0;) {
		uint32_t places = frames[i].name && frames[i].name->count ? frames[i].name->count
									  : 1;

		while (places-- > 0)
			ids[used++] = heaps_place(heaps, &frames[i], places);
	}
	return heaps_intern_stack(heaps, ids, used);
}

/* ---- samples ---- */

static void heaps_visit_sample(void *context, const struct sample *sample)
{
	struct heaps *heaps = context;
	const struct process_facts *facts = &sample->process->facts;

	if (!ARRAY_RESERVE(heaps->samples, heaps->sample_capacity, heaps->sample_count + 1)) {
		heaps->no_memory = true;
		return;
	}
	heaps->samples[heaps->sample_count++] = (struct heap_sample){
		.pid = perfetto_pid(sample->process),
		.attached = sample->attached,
		.stack = heaps_stack(heaps, sample),
		.end_ns = facts->ended ? facts->end_ns : heaps->model->session.duration_ns,
		.bytes = sample->grown_bytes + sample->attached_bytes,
		.net_bytes = sample->net_bytes + sample->attached_bytes,
		.count = sample->site && sample->attached
				 ? sample->site->count - sample->site->failed
				 : sample->moves,
	};
}

static int heaps_compare(const void *a, const void *b)
{
	const struct heap_sample *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->attached != y->attached)
		return x->attached ? 1 : -1;
	return x->stack < y->stack ? -1 : x->stack > y->stack;
}

static void heaps_join(struct heaps *heaps)
{
	uint32_t used = 0;

	if (heaps->sample_count)
		qsort(heaps->samples, heaps->sample_count, sizeof *heaps->samples, heaps_compare);
	for (uint32_t i = 0; i < heaps->sample_count; i++) {
		struct heap_sample *sample = &heaps->samples[i];
		struct heap_sample *last = used ? &heaps->samples[used - 1] : NULL;

		if (!last || heaps_compare(last, sample) != 0) {
			heaps->samples[used++] = *sample;
			continue;
		}
		last->bytes += sample->bytes;
		last->net_bytes += sample->net_bytes;
		last->count += sample->count;
		if (sample->end_ns > last->end_ns)
			last->end_ns = sample->end_ns;
	}
	heaps->sample_count = used;
}

/* ---- output ---- */

static void heaps_put_sample(struct protobuf *packet, const struct heap_sample *sample)
{
	protobuf_open(packet, DUMP_SAMPLE);
	protobuf_number(packet, HEAP_STACK, sample->stack);
	protobuf_number(packet, HEAP_ALLOCATED, sample->bytes);
	if (sample->bytes > sample->net_bytes)
		protobuf_number(packet, HEAP_FREED, sample->bytes - sample->net_bytes);
	protobuf_number(packet, HEAP_COUNT, sample->count);
	protobuf_close(packet);
}

/* One profile from sample `first` on; returns the index after its last sample. */
static uint32_t heaps_put_dump(struct heaps *heaps, uint32_t first, uint64_t end_ns)
{
	const struct heap_sample *sample = &heaps->samples[first];
	struct protobuf *packet = &heaps->trace->packet;
	size_t start = packet->count;
	uint32_t i = first;

	protobuf_open(packet, PROFILE_DUMP);
	protobuf_number(packet, DUMP_PID, (uint64_t)(int64_t)sample->pid);
	protobuf_number(packet, DUMP_TIME, heaps->trace->start_ns + end_ns);
	protobuf_text(packet, DUMP_HEAP, sample->attached ? "attached" : "break");
	for (;
	     i < heaps->sample_count && heaps->samples[i].pid == sample->pid &&
	     heaps->samples[i].attached == sample->attached && packet->count - start < DUMPS_BYTES;
	     i++)
		heaps_put_sample(packet, &heaps->samples[i]);
	protobuf_close(packet);
	return i;
}

/* The end of a pid's last image, from sample `first` on. */
static uint64_t heaps_end(const struct heaps *heaps, uint32_t first)
{
	uint64_t end_ns = 0;

	for (uint32_t i = first; i < heaps->sample_count; i++) {
		if (heaps->samples[i].pid != heaps->samples[first].pid)
			break;
		if (heaps->samples[i].end_ns > end_ns)
			end_ns = heaps->samples[i].end_ns;
	}
	return end_ns;
}

static void heaps_put_profiles(struct heaps *heaps)
{
	struct protobuf *packet = &heaps->trace->packet;
	uint64_t end_ns = 0;
	int32_t pid = -1;

	for (uint32_t i = 0; i < heaps->sample_count;) {
		if (i == 0 || heaps->samples[i].pid != pid) {
			pid = heaps->samples[i].pid;
			end_ns = heaps_end(heaps, i);
		}
		perfetto_open(heaps->trace, SEQUENCE_HEAPS, end_ns);
		protobuf_number(packet, PACKET_SEQUENCE_FLAGS, SEQUENCE_NEEDS_STATE);
		protobuf_open(packet, PACKET_PROFILE);
		protobuf_number(packet, PROFILE_INDEX, heaps->packets++);
		i = heaps_put_dump(heaps, i, end_ns);
		if (i < heaps->sample_count)
			protobuf_number(packet, PROFILE_CONTINUED, true);
		protobuf_close(packet);
		perfetto_close(heaps->trace);
	}
}

static void heaps_put(struct heaps *heaps)
{
	perfetto_begin_sequence(heaps->trace, SEQUENCE_HEAPS);
	perfetto_open(heaps->trace, SEQUENCE_HEAPS, 0);
	protobuf_number(&heaps->trace->packet, PACKET_SEQUENCE_FLAGS, SEQUENCE_NEEDS_STATE);
	protobuf_bytes(&heaps->trace->packet, PACKET_INTERNED, heaps->interned.bytes,
		       heaps->interned.count);
	perfetto_close(heaps->trace);
	heaps_put_profiles(heaps);
}

static bool heaps_free(struct heaps *heaps)
{
	struct intern *tables[] = {&heaps->functions, &heaps->sources,  &heaps->paths,
				   &heaps->build_ids, &heaps->mappings, &heaps->frames,
				   &heaps->stacks};
	bool whole = !heaps->no_memory && !heaps->interned.no_memory;

	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		whole &= !tables[i]->no_memory;
		intern_free(tables[i]);
	}
	protobuf_free(&heaps->interned);
	free(heaps->samples);
	return whole;
}

bool perfetto_put_heaps(struct perfetto *trace, const struct model *model,
			const struct filter *filter)
{
	struct heaps heaps = {.model = model, .trace = trace};

	heaps.no_memory = !samples_visit(model, filter, heaps_visit_sample, &heaps);
	heaps_join(&heaps);
	if (heaps.sample_count)
		heaps_put(&heaps);
	return heaps_free(&heaps);
}
