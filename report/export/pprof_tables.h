/* SPDX-License-Identifier: MIT */
/* The tables of a profile: strings, mappings, functions and locations, each written once. */
#ifndef MEMSHIM_EXPORT_PPROF_TABLES_H
#define MEMSHIM_EXPORT_PPROF_TABLES_H

#include "report/export/intern.h"
#include "report/export/protobuf.h"
#include "report/model/model.h"

/* The fields of the message Profile. */
enum pprof_profile {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6,
	PROFILE_TIME_NS = 9,
	PROFILE_DURATION_NS = 10,
	PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	PROFILE_COMMENT = 13,
	PROFILE_DEFAULT_TYPE = 14,
};

struct pprof_tables {
	struct protobuf profile; /* what is not written to the file yet; no message is open */
	struct intern strings, mappings, functions, locations;
};

void pprof_tables_begin(struct pprof_tables *tables);
void pprof_tables_free(struct pprof_tables *tables);
bool pprof_tables_whole(const struct pprof_tables *tables);

/* The index of a string. */
uint64_t pprof_string(struct pprof_tables *tables, const char *text);

/* The mapping of a module; null: of code in no file. */
uint64_t pprof_mapping(struct pprof_tables *tables, const struct model_module *module);

/* The location of a frame of this image. */
uint64_t pprof_location(struct pprof_tables *tables, const struct stack_frame *frame,
			uint32_t instance);

/* A location that stands for something that is not known, in words. */
uint64_t pprof_location_of_words(struct pprof_tables *tables, const char *words);

/* The last part of the profile. */
void pprof_strings_write(struct pprof_tables *tables);

#endif
