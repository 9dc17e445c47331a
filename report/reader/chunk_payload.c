/* SPDX-License-Identifier: MIT */
#include "report/reader/chunk_payload.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define WINDOW_LOG_MOST 20    /* so zstd allocates at most 1 MiB for a frame */
#define INPUT_BYTES (1 << 16) /* read at once */

void chunk_cache_free(struct chunk_cache *cache)
{
	free(cache->payload);
	*cache = (struct chunk_cache){0};
}

/* Reads the next input from `*at` on. False at the end of the frame, and when reading fails. */
static bool read_input(const struct file *file, uint64_t *at, uint64_t end, char *input,
		       ZSTD_inBuffer *in)
{
	uint64_t bytes = end - *at < INPUT_BYTES ? end - *at : INPUT_BYTES;

	if (bytes == 0 || !file_read(file, *at, input, bytes))
		return false;
	*at += bytes;
	*in = (ZSTD_inBuffer){input, bytes, 0};
	return true;
}

/*
 * Decompresses the whole frame in one call. False: it is damaged, or there is no memory for it;
 * then it is read piece by piece, as far as it goes.
 */
static bool decompress_whole(ZSTD_DCtx *context, const struct file *file, const struct chunk *chunk,
			     void *to)
{
	char *input = malloc(chunk->stored_bytes);
	bool whole = input && file_read(file, chunk->offset, input, chunk->stored_bytes) &&
		     ZSTD_decompressDCtx(context, to, chunk->payload_bytes, input,
					 chunk->stored_bytes) == chunk->payload_bytes;

	free(input);
	return whole;
}

uint64_t chunk_decompress(const struct file *file, const struct chunk *chunk, void *to)
{
	static char input[INPUT_BYTES]; /* not on the stack: that may be small */
	static ZSTD_DCtx *context;      /* kept for the next chunk */
	ZSTD_outBuffer out = {to, chunk->payload_bytes, 0};
	ZSTD_inBuffer in = {input, 0, 0};
	uint64_t at = chunk->offset, end = chunk->offset + chunk->stored_bytes;
	size_t ret = 1;

	if (!context)
		context = ZSTD_createDCtx();
	if (context && decompress_whole(context, file, chunk, to))
		return chunk->payload_bytes;
	if (context)
		ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
	if (context)
		ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG_MOST);
	while (context && ret != 0 && !ZSTD_isError(ret) && out.pos < out.size) {
		if (in.pos == in.size && !read_input(file, &at, end, input, &in))
			break;
		ret = ZSTD_decompressStream(context, &out, &in);
	}
	return out.pos;
}

/* Allocates only what this chunk needs: a small RLIMIT_DATA may refuse the largest chunk's size. */
static bool chunk_cache_reserve(struct chunk_cache *cache, uint64_t bytes)
{
	if (bytes <= cache->capacity)
		return true;
	free(cache->payload);
	cache->offset = 0;
	cache->payload = malloc(bytes);
	cache->capacity = cache->payload ? bytes : 0;
	return cache->payload;
}

static bool fill_cache(struct chunk_cache *cache, const struct file *file,
		       const struct chunk *chunk)
{
	if (cache->offset == chunk->offset)
		return true;
	if (!chunk_cache_reserve(cache, chunk->payload_bytes))
		return false;
	cache->bytes = chunk_decompress(file, chunk, cache->payload);
	cache->offset = chunk->offset;
	return true;
}

bool chunk_records_read(struct chunk_cache *cache, const struct file *file,
			const struct chunk *chunk, uint64_t first, uint64_t count,
			uint32_t record_bytes, void *to)
{
	uint64_t from = first * record_bytes, bytes = count * record_bytes;

	if (chunk->stored_bytes == 0)
		return file_read(file, chunk->offset + from, to, bytes);
	if (!fill_cache(cache, file, chunk) || from > cache->bytes || bytes > cache->bytes - from)
		return false;
	memcpy(to, cache->payload + from, bytes);
	return true;
}
