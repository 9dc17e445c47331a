/* SPDX-License-Identifier: MIT */
/*
 * The payload of one chunk of a recording, plain or compressed. Each compressed payload is a zstd
 * frame of its own, so a recording that was cut off is readable up to the cut.
 */
#ifndef MEMSHIM_READER_CHUNK_PAYLOAD_H
#define MEMSHIM_READER_CHUNK_PAYLOAD_H

#include "report/reader/chunks.h"

/* Keeps the last compressed payload that was read. All zero: empty. */
struct chunk_cache {
	char *payload; /* `capacity` bytes */
	uint64_t capacity;
	uint64_t offset; /* of the chunk that the payload belongs to; 0 none */
	uint64_t bytes;
};

void chunk_cache_free(struct chunk_cache *cache);

/*
 * Copies records [first, first + count) of a chunk, each of `record_bytes`. False when one of them
 * is missing, or without memory.
 */
bool chunk_records_read(struct chunk_cache *cache, const struct file *file,
			const struct chunk *chunk, uint64_t first, uint64_t count,
			uint32_t record_bytes, void *to);

/*
 * Writes the payload of a compressed chunk to `to`, which has room for chunk->payload_bytes.
 * Returns how many bytes were written: fewer than payload_bytes when the frame is cut off or
 * damaged.
 */
uint64_t chunk_decompress(const struct file *file, const struct chunk *chunk, void *to);

#endif
