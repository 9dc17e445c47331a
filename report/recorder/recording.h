/* SPDX-License-Identifier: MIT */
/*
 * Writes a recording: a header, then chunks. The header counts a chunk only after the chunk is
 * complete. So a reader can read all counted chunks, however the writer stops.
 *
 * The disk may fill up. So the recording always reserves some space: when the file system gives no
 * more, events are refused, and the reserve holds the processes, the tables, and the number of
 * missing events. One thread.
 */
#ifndef MEMSHIM_RECORDER_RECORDING_H
#define MEMSHIM_RECORDER_RECORDING_H

#include <stdbool.h>
#include <zstd.h>

#include "preload/segment/recorded.h"

struct recording {
	int fd;
	int full;  /* errno of the refused reservation, 0 none: no more events are written */
	int error; /* errno of the first write that failed: nothing is written after it */
	uint64_t reserved_bytes; /* end of the reserved space */
	ZSTD_CCtx *compressor;   /* null: payloads are written as they are */
	char *frame;             /* of ZSTD_compressBound(SEGMENT_COMPRESSED_BYTES_MAX) */
	struct segment_header header;
};

/*
 * Begins the file `fd` with the live segment's header. 0 or -errno. Without memory for the
 * compressor it writes plain payloads.
 */
int recording_begin(struct recording *recording, int fd, const struct segment_header *live,
		    const char *segment_path, bool compress);
void recording_free(struct recording *recording);

/*
 * Appends one chunk. The caller sets kind, record_bytes and count, and for the log the other
 * members. An empty chunk is left out. False when it could not be written.
 */
bool recording_append(struct recording *recording, struct segment_chunk chunk, const void *payload);

/* Writes how COMMAND ended (status -1: by signal), and when. 0 or the first -errno. */
int recording_finish(struct recording *recording, int status, int signal);

#endif
