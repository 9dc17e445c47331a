/* SPDX-License-Identifier: MIT */
/*
 * The payload of one chunk of a recording, plain or compressed. A compressed one is a zstd frame of
 * its own, so a recording that was cut off is readable up to the cut.
 */
#ifndef MEMSHIM_READER_CHUNK_PAYLOAD_H
#define MEMSHIM_READER_CHUNK_PAYLOAD_H

#include "report/reader/chunks.h"

/* Keeps the last compressed payload that was asked for. All zero: empty. */
struct chunk_cache {
	char *payload; /* of `room` bytes */
	uint64_t capacity;
	uint64_t offset; /* of the chunk whose payload it is; 0 none */
	uint64_t bytes;
};

void chunk_cache_free(struct chunk_cache *cache);

/*
 * Copies records [first, first + count) of a chunk, each of `record_bytes`. False where they are
 * not all there, or without memory.
 */
bool chunk_records_read(struct chunk_cache *cache, const struct file *file,
			const struct chunk *chunk, uint64_t first, uint64_t count,
			uint32_t record_bytes, void *to);

/*
 * The whole payload of a compressed chunk into `to`, which holds chunk->payload_bytes: how
 * many bytes came out. Fewer than chunk->payload_bytes where the frame is cut off or damaged.
 */
uint64_t chunk_decompress(const struct file *file, const struct chunk *chunk, void *to);

#endif
