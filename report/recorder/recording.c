/* SPDX-License-Identifier: MIT */
#include "report/recorder/recording.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preload/common/timens.h"

#define ROOM_BYTES (1ull << 20)   /* that stay reserved */
#define STEP_BYTES (8ull << 20)   /* reserved at once */
#define COMPRESSION_LEVEL 1       /* the recorder shares the CPUs with the program it records */
#define COMPRESSED_BYTES_MIN 512u /* a smaller payload is written as it is */

/* 0 or -errno. Continues after a signal and after a short write. */
static int write_whole(int fd, const void *bytes, size_t size, uint64_t offset)
{
	const char *from = bytes;

	while (size > 0) {
		ssize_t done = pwrite(fd, from, size, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		from += done;
		offset += (uint64_t)done;
		size -= (size_t)done;
	}
	return 0;
}

/* Writes a chunk and its payload, in one call if the file system accepts it whole. */
static int write_chunk(int fd, const struct segment_chunk *chunk, const void *payload,
		       uint64_t payload_bytes, uint64_t offset)
{
	struct iovec both[] = {{(void *)chunk, sizeof *chunk}, {(void *)payload, payload_bytes}};
	ssize_t done = pwritev(fd, both, 2, (off_t)offset);
	int ret;

	if (done == (ssize_t)(sizeof *chunk + payload_bytes))
		return 0;
	ret = write_whole(fd, chunk, sizeof *chunk, offset);
	return ret ? ret : write_whole(fd, payload, payload_bytes, offset + sizeof *chunk);
}

/*
 * Compresses a payload into recording->frame if that makes it smaller, and sets
 * chunk->stored_bytes. Returns the bytes to write, and their number in *bytes.
 */
static const void *compress_payload(struct recording *recording, struct segment_chunk *chunk,
				    const void *payload, uint64_t *bytes)
{
	size_t capacity = ZSTD_compressBound(SEGMENT_COMPRESSED_BYTES_MAX), stored, padded;

	*bytes = chunk->payload_bytes;
	if (!recording->compressor || chunk->payload_bytes < COMPRESSED_BYTES_MIN ||
	    chunk->payload_bytes > SEGMENT_COMPRESSED_BYTES_MAX)
		return payload;
	stored = ZSTD_compress2(recording->compressor, recording->frame, capacity, payload,
				chunk->payload_bytes);
	if (ZSTD_isError(stored))
		return payload;
	padded = (stored + SEGMENT_CHUNK_ALIGN - 1) / SEGMENT_CHUNK_ALIGN * SEGMENT_CHUNK_ALIGN;
	if (padded >= chunk->payload_bytes)
		return payload;
	memset(recording->frame + stored, 0, padded - stored);
	chunk->stored_bytes = stored;
	*bytes = padded;
	return recording->frame;
}

static bool is_full(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

/*
 * Reserves space after `end`: STEP_BYTES, or ROOM_BYTES if the disk has no more. False when the
 * disk is full. Where the file system cannot reserve, only a failed write shows that.
 */
static bool recording_reserve(struct recording *recording, uint64_t end)
{
	uint64_t from = recording->reserved_bytes;

	if (recording->full || end + ROOM_BYTES <= from)
		return !recording->full;
	for (uint64_t step = STEP_BYTES;; step = 0) {
		uint64_t to = end + ROOM_BYTES + step;

		if (fallocate(recording->fd, FALLOC_FL_KEEP_SIZE, (off_t)from,
			      (off_t)(to - from)) == 0 ||
		    !is_full(errno)) {
			recording->reserved_bytes = to;
			return true;
		}
		if (step == 0) {
			recording->full = errno;
			return false;
		}
	}
}

static void begin_compression(struct recording *recording)
{
	size_t capacity = ZSTD_compressBound(SEGMENT_COMPRESSED_BYTES_MAX);

	recording->compressor = ZSTD_createCCtx();
	recording->frame = malloc(capacity + SEGMENT_CHUNK_ALIGN);
	if (recording->compressor && recording->frame) {
		ZSTD_CCtx_setParameter(recording->compressor, ZSTD_c_compressionLevel,
				       COMPRESSION_LEVEL);
		ZSTD_CCtx_setParameter(recording->compressor, ZSTD_c_checksumFlag, 1);
	} else {
		recording_free(recording);
	}
}

void recording_free(struct recording *recording)
{
	ZSTD_freeCCtx(recording->compressor);
	free(recording->frame);
	recording->compressor = NULL;
	recording->frame = NULL;
}

int recording_begin(struct recording *recording, int fd, const struct segment_header *live,
		    const char *segment_path, bool compress)
{
	struct segment_header *header = &recording->header;

	*recording = (struct recording){.fd = fd, .header = *live};
	if (compress)
		begin_compression(recording);
	header->kind = SEGMENT_RECORDING;
	header->total_bytes = 0;
	header->committed_bytes = SEGMENT_HEADER_BYTES;
	memset(header->region, 0, sizeof header->region);
	snprintf(header->peer_path, sizeof header->peer_path, "%s", segment_path);
	if (!recording_reserve(recording, SEGMENT_HEADER_BYTES))
		return -recording->full;
	return write_whole(fd, header, sizeof *header, 0);
}

static bool chunk_is_empty(const struct segment_chunk *chunk)
{
	return chunk->count == 0 && chunk->overwritten == 0 && chunk->torn == 0 &&
	       chunk->first == chunk->next;
}

static bool recording_commit(struct recording *recording, uint64_t end)
{
	recording->header.committed_bytes = end;
	recording->error = -write_whole(recording->fd, &recording->header.committed_bytes,
					sizeof end,
					offsetof(struct segment_header, committed_bytes));
	return !recording->error;
}

bool recording_append(struct recording *recording, struct segment_chunk chunk, const void *payload)
{
	uint64_t at = recording->header.committed_bytes, bytes;
	bool has_events = chunk.kind == REGION_LOG && chunk.count > 0 &&
			  chunk.ring != SEGMENT_CHUNK_NO_RING;
	int error;

	if (chunk_is_empty(&chunk))
		return true;
	chunk.magic = SEGMENT_CHUNK_MAGIC;
	chunk.payload_bytes = chunk.count * chunk.record_bytes;
	payload = compress_payload(recording, &chunk, payload, &bytes);
	if (recording->error ||
	    (!recording_reserve(recording, at + sizeof chunk + bytes) && has_events))
		return false;
	error = -write_chunk(recording->fd, &chunk, payload, bytes, at);
	if (error && has_events && is_full(error)) {
		recording->full = error;
		return false;
	}
	recording->error = error;
	return !error && recording_commit(recording, at + sizeof chunk + bytes);
}

int recording_finish(struct recording *recording, int status, int signal)
{
	struct segment_header *header = &recording->header;
	int ret;

	header->end = timens_now(header->clock);
	header->exit_status = status;
	header->exit_signal = signal;
	header->finished = recording->error == 0;
	ret = write_whole(recording->fd, header, sizeof *header, 0);
	/* Gives back what was reserved and not used. */
	if (ftruncate(recording->fd, (off_t)header->committed_bytes) != 0 && ret == 0)
		ret = -errno;
	if (recording->error)
		return -recording->error;
	return recording->full ? -recording->full : ret;
}
