/* SPDX-License-Identifier: MIT */
#include "report/reader/chunks.h"

#include <stdlib.h>
#include <string.h>

#include "report/reader/chunk_payload.h"
#include "report/util/array.h"

#define STEP SEGMENT_CHUNK_ALIGN

static const uint32_t record_bytes[REGION_COUNT] = {
	[REGION_SHARED] = sizeof(struct segment_shared),
	[REGION_PROCESSES] = sizeof(struct segment_process),
	[REGION_ATTACHMENTS] = sizeof(struct segment_attachment),
	[REGION_LEDGER] = sizeof(struct segment_entry),
	[REGION_MODULES] = sizeof(struct segment_module),
	[REGION_STACKS] = sizeof(struct segment_frame_row),
	[REGION_LOADS] = sizeof(struct segment_load),
	[REGION_LOG] = sizeof(struct segment_event),
	[REGION_UNFOLLOWED] = sizeof(struct segment_unfollowed),
	[REGION_SNAPSHOTS] = sizeof(struct segment_snapshot),
	[REGION_IDENTITIES] = sizeof(struct segment_identity),
	[REGION_OBJECTS] = sizeof(struct segment_object),
	[REGION_JIT_NAMES] = sizeof(struct segment_jit_name),
	[REGION_TITLES] = sizeof(struct segment_title),
};

void chunks_begin(struct chunks *chunks, const struct segment_header *header)
{
	memset(chunks, 0, sizeof *chunks);
	chunks->read_to = SEGMENT_HEADER_BYTES;
	for (uint32_t i = 0; i < SEGMENT_RINGS_MAX; i++)
		chunks->next[i] = header->first_claim;
}

void chunks_free(struct chunks *chunks)
{
	free(chunks->table);
	chunks->table = NULL;
}

static bool chunk_is_sound(const struct segment_chunk *head)
{
	if (head->stored_bytes && (head->payload_bytes > SEGMENT_COMPRESSED_BYTES_MAX ||
				   head->stored_bytes > head->payload_bytes))
		return false;
	return head->magic == SEGMENT_CHUNK_MAGIC && head->kind < REGION_COUNT &&
	       (record_bytes[head->kind] == 0 || head->record_bytes == record_bytes[head->kind]) &&
	       (head->record_bytes == 0 ? head->payload_bytes == 0
					: head->payload_bytes / head->record_bytes == head->count &&
						  head->payload_bytes % head->record_bytes == 0);
}

static bool chunk_append(struct chunks *chunks, struct chunk chunk)
{
	if (!ARRAY_RESERVE(chunks->table, chunks->capacity, chunks->count + 1))
		return false;
	chunks->table[chunks->count++] = chunk;
	return true;
}

static uint64_t chunk_add(uint64_t a, uint64_t b)
{
	return a + b < a ? UINT64_MAX : a + b;
}

static uint64_t chunk_subtract(uint64_t a, uint64_t b)
{
	return a < b ? 0 : a - b;
}

/* Moves the position of a per-CPU ring, and counts the claims that the recorder skipped. */
static void move_on(struct chunks *chunks, const struct segment_chunk *head)
{
	uint64_t reported = chunk_add(chunk_add(head->count, head->overwritten), head->torn);
	uint64_t *open = &chunks->open[head->ring];

	if (head->first != head->next) {
		*open = chunk_add(*open, head->next - chunks->next[head->ring]);
		chunks->next[head->ring] = head->next;
	}
	*open = chunk_subtract(*open, reported);
}

/* The payload's size in the file. chunk_is_sound limits both sizes, so the sum cannot overflow. */
static uint64_t bytes_in_file(const struct segment_chunk *head)
{
	return head->stored_bytes ? (head->stored_bytes + STEP - 1) / STEP * STEP
				  : head->payload_bytes;
}

/* How many whole records are left of a chunk that the end of the file cuts off. */
static uint64_t cut_count(const struct file *file, const struct chunk *chunk, uint32_t bytes)
{
	char *payload;
	uint64_t count;

	if (!chunk->stored_bytes)
		return chunk->payload_bytes / bytes;
	payload = malloc(SEGMENT_COMPRESSED_BYTES_MAX);
	count = payload ? chunk_decompress(file, chunk, payload) / bytes : 0;
	free(payload);
	return count;
}

static bool chunk_take(struct chunks *chunks, const struct file *file,
		       const struct segment_chunk *head, uint64_t available)
{
	struct chunk chunk = {.offset = chunks->read_to + sizeof *head,
			      .count = head->count,
			      .payload_bytes = head->payload_bytes,
			      .stored_bytes = head->stored_bytes,
			      .min_clock = head->min_clock,
			      .next = head->next,
			      .kind = head->kind,
			      .ring = head->ring};

	bool cut = bytes_in_file(head) > available;

	if (cut) {
		*(head->stored_bytes ? &chunk.stored_bytes : &chunk.payload_bytes) = available;
		chunk.count = available ? cut_count(file, &chunk, head->record_bytes) : 0;
		chunks->truncated = true;
	}
	if (head->kind == REGION_LOG) {
		chunks->event_count += chunk.count;
		chunks->overwritten = chunk_add(chunks->overwritten, head->overwritten);
		chunks->torn = chunk_add(chunks->torn, head->torn);
		if (head->ring < SEGMENT_RINGS_MAX)
			move_on(chunks, head);
	}
	chunks->read_to += sizeof *head + (cut ? available : bytes_in_file(head));
	return chunk.count == 0 || chunk_append(chunks, chunk);
}

/* Moves on from a head that is not valid to the next chunk magic. */
static void chunk_skip(struct chunks *chunks, const struct file *file, uint64_t end)
{
	static char stretch[1 << 16]; /* static: the stack may be small */
	uint64_t at = chunks->read_to + STEP;

	chunks->damaged++;
	while (at < end) {
		uint64_t hole = file_skip_hole(file, at) - at;
		uint64_t bytes = end - at < sizeof stretch ? end - at : sizeof stretch;

		/* A full disk or a copy may leave a sparse hole of any size: skip it unread. */
		if (hole >= STEP) {
			at += hole - hole % STEP;
			continue;
		}
		if (!file_read(file, at, stretch, bytes))
			break;
		for (uint64_t i = 0; i + sizeof(uint32_t) <= bytes; i += STEP) {
			uint32_t magic;

			memcpy(&magic, stretch + i, sizeof magic);
			if (magic == SEGMENT_CHUNK_MAGIC) {
				chunks->read_to = at + i;
				return;
			}
		}
		at += bytes;
	}
	chunks->read_to = end;
}

/* Where the chunks end. Bytes after the end of a finished recording count as damage. */
static uint64_t committed_end(struct chunks *chunks, const struct file *file)
{
	uint64_t end = file->header.committed_bytes;

	if (end > file->bytes)
		chunks->truncated = true;
	else if (end < file->bytes && file->header.finished)
		chunks->damaged += chunks->read_to <= end;
	else
		return end;
	return file->bytes;
}

bool chunks_update(struct chunks *chunks, const struct file *file)
{
	uint64_t end = committed_end(chunks, file);

	while (end > chunks->read_to && end - chunks->read_to >= sizeof(struct segment_chunk)) {
		struct segment_chunk head;

		if (!file_read(file, chunks->read_to, &head, sizeof head))
			break;
		if (!chunk_is_sound(&head))
			chunk_skip(chunks, file, end);
		else if (!chunk_take(chunks, file, &head, end - chunks->read_to - sizeof head))
			return false;
	}
	return true;
}
