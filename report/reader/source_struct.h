/* SPDX-License-Identifier: MIT */
/* struct source, for the files of this room only. */
#ifndef MEMSHIM_READER_SOURCE_STRUCT_H
#define MEMSHIM_READER_SOURCE_STRUCT_H

#include "report/reader/chunk_payload.h"
#include "report/reader/facts.h"
#include "report/reader/file.h"
#include "report/reader/source.h"
#include "report/reader/timescale.h"

struct source {
	struct file recording; /* one of the two may be closed */
	struct file segment;
	struct chunks chunks; /* of the recording */
	struct chunk_cache cache;
	uint64_t slots_given;     /* chunks before this one: their process rows were visited */
	uint64_t snapshots_given; /* the same, of kernel snapshots */
	struct timescale scale;
	struct session_facts facts;
	bool same_pids;             /* its pid namespace is this program's */
	uint64_t own_pid_namespace; /* of this program; 0 unknown */
};

/* The header to use: the recording's, which stores the end, if there is a recording. */
static inline const struct segment_header *source_header(const struct source *source)
{
	return file_is_open(&source->recording) ? &source->recording.header
						: &source->segment.header;
}

#endif
