/* SPDX-License-Identifier: MIT */
/*
 * A module has a range of addresses of its own, in the order in which modules came: images load it
 * at different addresses, and a location stands for all of them. Consumers subtract the start of
 * the range, so offsets stay right. All frames have their names here, and the mappings say so:
 * else a consumer would look for other names in files of its own machine.
 */
#include "report/export/pprof_tables.h"

#include <stdio.h>
#include <string.h>

#include "report/view/stack.h"

#define MAPPING_SHIFT 40u /* no file is larger */
#define FUNCTION_BYTES 8192u

enum { MAPPING_ID = 1, MAPPING_START, MAPPING_LIMIT, MAPPING_FILE = 5, MAPPING_BUILD_ID = 6 };
enum { MAPPING_FIRST_HAS = 7, MAPPING_LAST_HAS = 10 }; /* functions, files, lines, inlined frames */
enum { LOCATION_ID = 1, LOCATION_MAPPING = 2, LOCATION_ADDRESS = 3, LOCATION_LINE = 4 };
enum { LINE_FUNCTION = 1, LINE_NUMBER = 2 };
enum { FUNCTION_ID = 1, FUNCTION_NAME = 2, FUNCTION_SYSTEM_NAME = 3, FUNCTION_FILE = 4 };

void pprof_tables_begin(struct pprof_tables *tables)
{
	*tables = (struct pprof_tables){0};
	pprof_string(tables, ""); /* the format wants it first */
}

void pprof_tables_free(struct pprof_tables *tables)
{
	protobuf_free(&tables->profile);
	intern_free(&tables->strings);
	intern_free(&tables->mappings);
	intern_free(&tables->functions);
	intern_free(&tables->locations);
}

bool pprof_tables_whole(const struct pprof_tables *tables)
{
	return !tables->profile.no_memory && !tables->strings.no_memory &&
	       !tables->mappings.no_memory && !tables->functions.no_memory &&
	       !tables->locations.no_memory;
}

/* ---- strings ---- */

uint64_t pprof_string(struct pprof_tables *tables, const char *text)
{
	bool is_new;
	uint64_t number = intern_text(&tables->strings, text, &is_new);

	return number ? number - 1 : 0;
}

static void pprof_put_string(void *context, const void *key, size_t bytes)
{
	struct pprof_tables *tables = context;

	protobuf_bytes(&tables->profile, PROFILE_STRING, key, bytes);
}

void pprof_strings_write(struct pprof_tables *tables)
{
	intern_each(&tables->strings, pprof_put_string, tables);
}

/* ---- mappings ---- */

static uint64_t pprof_build_id(struct pprof_tables *tables, const struct module_facts *facts)
{
	char text[2 * sizeof facts->build_id + 1] = "";

	for (uint32_t i = 0; i < facts->build_id_bytes && i < sizeof facts->build_id; i++)
		snprintf(text + 2 * i, 3, "%02x", facts->build_id[i]);
	return pprof_string(tables, text);
}

static void pprof_put_mapping(struct pprof_tables *tables, uint64_t id,
			      const struct model_module *module)
{
	struct protobuf *profile = &tables->profile;
	uint64_t file = pprof_string(tables, module ? module->facts.path : "[unknown]");
	uint64_t build_id = module ? pprof_build_id(tables, &module->facts) : 0;

	protobuf_open(profile, PROFILE_MAPPING);
	protobuf_number(profile, MAPPING_ID, id);
	protobuf_number(profile, MAPPING_START, id << MAPPING_SHIFT);
	protobuf_number(profile, MAPPING_LIMIT, (id + 1) << MAPPING_SHIFT);
	protobuf_number(profile, MAPPING_FILE, file);
	protobuf_number(profile, MAPPING_BUILD_ID, build_id);
	for (unsigned field = MAPPING_FIRST_HAS; field <= MAPPING_LAST_HAS; field++)
		protobuf_number(profile, field, true);
	protobuf_close(profile);
}

uint64_t pprof_mapping(struct pprof_tables *tables, const struct model_module *module)
{
	uint32_t number = module ? module->facts.number : 0;
	bool is_new;
	uint64_t id = intern_key(&tables->mappings, &number, sizeof number, &is_new);

	if (is_new)
		pprof_put_mapping(tables, id, module);
	return id;
}

/* ---- functions and locations ---- */

static uint64_t pprof_function(struct pprof_tables *tables, const char *name, const char *file)
{
	struct protobuf *profile = &tables->profile;
	uint64_t key[2] = {pprof_string(tables, name), pprof_string(tables, file ? file : "")};
	bool is_new;
	uint64_t id = intern_key(&tables->functions, key, sizeof key, &is_new);

	if (!is_new)
		return id;
	protobuf_open(profile, PROFILE_FUNCTION);
	protobuf_number(profile, FUNCTION_ID, id);
	protobuf_number(profile, FUNCTION_NAME, key[0]);
	protobuf_number(profile, FUNCTION_SYSTEM_NAME, key[0]);
	protobuf_number(profile, FUNCTION_FILE, key[1]);
	protobuf_close(profile);
	return id;
}

static void pprof_put_line(struct protobuf *profile, uint64_t function, uint32_t line)
{
	protobuf_open(profile, LOCATION_LINE);
	protobuf_number(profile, LINE_FUNCTION, function);
	protobuf_number(profile, LINE_NUMBER, line);
	protobuf_close(profile);
}

/* The address of the call: the frame has where it returns to. */
static uint64_t pprof_address(const struct stack_frame *frame, uint64_t mapping)
{
	uint64_t offset = frame->offset - (frame->exact || !frame->offset ? 0 : 1);

	return frame->module ? (mapping << MAPPING_SHIFT) + offset : 0;
}

static void pprof_put_location(struct pprof_tables *tables, uint64_t id,
			       const struct stack_frame *frame)
{
	uint32_t count = frame->name && frame->name->count ? frame->name->count : 1;
	uint64_t mapping = pprof_mapping(tables, frame->module), functions[FRAME_PLACES_MAX];
	const struct frame_place *places = frame->name && frame->name->count ? frame->name->places
									     : NULL;
	struct protobuf *profile = &tables->profile;
	char name[FUNCTION_BYTES];

	for (uint32_t i = 0; i < count; i++)
		functions[i] = pprof_function(tables, stack_words(frame, i, name, sizeof name),
					      places ? places[i].file : NULL);
	protobuf_open(profile, PROFILE_LOCATION);
	protobuf_number(profile, LOCATION_ID, id);
	protobuf_number(profile, LOCATION_MAPPING, mapping);
	protobuf_number(profile, LOCATION_ADDRESS, pprof_address(frame, mapping));
	for (uint32_t i = 0; i < count; i++)
		pprof_put_line(profile, functions[i], places ? places[i].line : 0);
	protobuf_close(profile);
}

/* Code in no file may have another name in each image. */
uint64_t pprof_location(struct pprof_tables *tables, const struct stack_frame *frame,
			uint32_t instance)
{
	uint64_t key[] = {frame->offset, frame->module ? frame->module->facts.number : 0,
			  frame->module ? 0 : instance,
			  (uint64_t)frame->exact << 1 | frame->is_signal};
	bool is_new;
	uint64_t id = intern_key(&tables->locations, key, sizeof key, &is_new);

	if (is_new)
		pprof_put_location(tables, id, frame);
	return id;
}

uint64_t pprof_location_of_words(struct pprof_tables *tables, const char *words)
{
	bool is_new;
	uint64_t id = intern_key(&tables->locations, words, strlen(words), &is_new);
	uint64_t mapping = pprof_mapping(tables, NULL);
	uint64_t function = pprof_function(tables, words, NULL);

	if (!is_new)
		return id;
	protobuf_open(&tables->profile, PROFILE_LOCATION);
	protobuf_number(&tables->profile, LOCATION_ID, id);
	protobuf_number(&tables->profile, LOCATION_MAPPING, mapping);
	pprof_put_line(&tables->profile, function, 0);
	protobuf_close(&tables->profile);
	return id;
}
