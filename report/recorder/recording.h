/* SPDX-License-Identifier: MIT */
/*
 * Writing a recording: a header, then chunks, each whole before the header counts it. Whatever
 * stops the writer, what is counted can be read.
 *
 * A disk may fill up meanwhile. So some room is always reserved ahead: when no more can be had,
 * events are refused, and the room takes the small things that make the recording whole: the
 * processes, the tables, and how many events are missing. One thread.
 */
#ifndef MEMSHIM_RECORDER_RECORDING_H
#define MEMSHIM_RECORDER_RECORDING_H

#include <stdbool.h>
#include <zstd.h>

#include "preload/segment/recorded.h"

struct recording {
	int fd;
	int full;  /* errno for which room ahead was refused, 0 none: no more events */
	int error; /* errno of the first write that failed: nothing is written after it */
	uint64_t reserved_bytes; /* end of the room that is ours */
	ZSTD_CCtx *compressor;   /* null: payloads are written as they are */
	char *frame;             /* of ZSTD_compressBound(SEGMENT_COMPRESSED_BYTES_MAX) */
	struct segment_header header;
};

/*
 * Begins the file `fd` with the live segment's header. 0 or -errno. Without memory to compress with
 * it writes plain payloads.
 */
int recording_begin(struct recording *recording, int fd, const struct segment_header *live,
		    const char *segment_path, bool compress);
void recording_free(struct recording *recording);

/*
 * Appends one chunk: `chunk` says kind, record_bytes and count, and for the log all that it knows.
 * A chunk that says nothing is left out. False when it could not be written.
 */
bool recording_append(struct recording *recording, struct segment_chunk chunk, const void *payload);

/* The last word: how COMMAND ended (status -1: by signal), and when. 0 or the first -errno. */
int recording_finish(struct recording *recording, int status, int signal);

#endif
