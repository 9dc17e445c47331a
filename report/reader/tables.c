/* SPDX-License-Identifier: MIT */
/*
 * The segment's slots are read before the recording's. The recorder writes an image that ends into
 * the recording before it frees the slot. So an image that ends in between is found at least once,
 * and the last row found is final.
 */
#include "report/reader/tables.h"

#include <string.h>

#include "preload/segment/publish.h"
#include "report/reader/rows.h"
#include "report/reader/rows_operations.h"
#include "report/reader/source_struct.h"

/* ---- the segment ---- */

static void read_slots(struct source *source, const struct facts_visitor *visitor)
{
	uint32_t count = source_slot_count(source);
	struct segment_process slot;

	for (uint32_t i = 0; i < count; i++)
		if (source_slot(source, i, &slot))
			row_give_process(source, &slot, visitor);
}

static void read_block(const struct source *source, uint64_t i, const struct facts_visitor *visitor)
{
	struct segment_attachment block[SEGMENT_BLOCK_ENTRIES];
	uint32_t owner;

	if (!file_record(&source->segment, REGION_OWNERS, i, &owner) || owner == 0 ||
	    !file_record(&source->segment, REGION_ATTACHMENTS, i, block))
		return;
	for (uint32_t e = 0; e < SEGMENT_BLOCK_ENTRIES; e++)
		if (block[e].instance == owner)
			row_give_attachment(source, &block[e], visitor);
}

static void read_segment_stacks(const struct source *source, const struct facts_visitor *visitor)
{
	const struct segment_region *region = source->segment.header.region;
	struct segment_shared shared;
	struct segment_module module;
	struct segment_frame frame;
	struct segment_load load;

	for (uint64_t i = 0; i < region[REGION_MODULES].count; i++)
		if (file_record(&source->segment, REGION_MODULES, i, &module) &&
		    (word_load(&module.claim) & MODULE_STATE) == MODULE_READY)
			row_give_module(&module, i + 1, visitor);
	for (uint64_t i = 0; i < region[REGION_STACKS].count; i++)
		if (file_record(&source->segment, REGION_STACKS, i, &frame))
			row_give_frame(i + 1, word_load(&frame.outer), word_load(&frame.offset),
				       visitor);
	if (!file_record(&source->segment, REGION_SHARED, 0, &shared))
		return;
	for (uint64_t i = 0; i < region[REGION_LOADS].count && i < half_load(&shared.load_count);
	     i++)
		if (file_record(&source->segment, REGION_LOADS, i, &load))
			row_give_load(&load, visitor);
}

/* A call may return while its row is read: a row that stays the same is one call's. */
static bool read_wait(const struct source *source, uint64_t i, struct segment_wait *wait)
{
	struct segment_wait again;

	return file_record(&source->segment, REGION_WAITS, i, wait) && wait->claim != 0 &&
	       file_record(&source->segment, REGION_WAITS, i, &again) &&
	       memcmp(wait, &again, sizeof again) == 0;
}

static void read_operations(const struct source *source, const struct facts_visitor *visitor)
{
	const struct segment_region *region = source->segment.header.region;
	struct segment_use use;
	struct segment_wait wait;

	for (uint64_t i = 0; i < region[REGION_USES].count; i++)
		if (file_record(&source->segment, REGION_USES, i, &use) && use.claim != 0)
			row_give_use(source, &use, visitor);
	for (uint64_t i = 0; i < region[REGION_WAITS].count; i++)
		if (read_wait(source, i, &wait))
			row_give_wait(source, &wait, visitor);
}

static void read_segment(const struct source *source, const struct facts_visitor *visitor)
{
	const struct segment_region *region = source->segment.header.region;
	struct segment_shared shared;
	struct segment_entry entry;

	for (uint64_t i = 0; i < region[REGION_OWNERS].count; i++)
		read_block(source, i, visitor);
	for (uint64_t i = 0; i < region[REGION_LEDGER].count; i++)
		if (file_record(&source->segment, REGION_LEDGER, i, &entry) && entry.claim != 0)
			row_give_ledger(source, &entry, visitor);
	read_operations(source, visitor);
	if (file_record(&source->segment, REGION_SHARED, 0, &shared))
		row_give_shared(&shared, visitor);
}

/* ---- the recording ---- */

union row {
	struct segment_process process;
	struct segment_attachment attachment;
	struct segment_entry entry;
	struct segment_use use;
	struct segment_wait wait;
	struct segment_unfollowed unfollowed;
	struct segment_shared shared;
	struct segment_module module;
	struct segment_frame_row frame;
	struct segment_load load;
	struct segment_snapshot snapshot;
	struct segment_identity identity;
	struct segment_jit_name jit_name;
	struct segment_title title;
};

static const uint32_t row_bytes[REGION_COUNT] = {
	[REGION_PROCESSES] = sizeof(struct segment_process),
	[REGION_ATTACHMENTS] = sizeof(struct segment_attachment),
	[REGION_LEDGER] = sizeof(struct segment_entry),
	[REGION_USES] = sizeof(struct segment_use),
	[REGION_WAITS] = sizeof(struct segment_wait),
	[REGION_UNFOLLOWED] = sizeof(struct segment_unfollowed),
	[REGION_SHARED] = sizeof(struct segment_shared),
	[REGION_MODULES] = sizeof(struct segment_module),
	[REGION_STACKS] = sizeof(struct segment_frame_row),
	[REGION_LOADS] = sizeof(struct segment_load),
	[REGION_SNAPSHOTS] = sizeof(struct segment_snapshot),
	[REGION_IDENTITIES] = sizeof(struct segment_identity),
	[REGION_JIT_NAMES] = sizeof(struct segment_jit_name),
	[REGION_TITLES] = sizeof(struct segment_title),
};

static void table_give_row(const struct source *source, uint32_t kind, const union row *row,
			   const struct facts_visitor *visitor)
{
	switch (kind) {
	case REGION_PROCESSES:
		row_give_process(source, &row->process, visitor);
		break;
	case REGION_ATTACHMENTS:
		row_give_attachment(source, &row->attachment, visitor);
		break;
	case REGION_LEDGER:
		row_give_ledger(source, &row->entry, visitor);
		break;
	case REGION_USES:
		row_give_use(source, &row->use, visitor);
		break;
	case REGION_WAITS:
		row_give_wait(source, &row->wait, visitor);
		break;
	case REGION_UNFOLLOWED:
		row_give_unfollowed(source, &row->unfollowed, visitor);
		break;
	case REGION_SHARED:
		row_give_shared(&row->shared, visitor);
		break;
	case REGION_MODULES:
		row_give_module(&row->module, word_load(&row->module.claim), visitor);
		break;
	case REGION_STACKS:
		row_give_frame(row->frame.number, row->frame.outer, row->frame.offset, visitor);
		break;
	case REGION_LOADS:
		row_give_load(&row->load, visitor);
		break;
	case REGION_SNAPSHOTS:
		row_give_snapshot(source, &row->snapshot, visitor);
		break;
	case REGION_IDENTITIES:
		row_give_identity(source, &row->identity, visitor);
		break;
	case REGION_JIT_NAMES:
		row_give_jit_name(&row->jit_name, visitor);
		break;
	case REGION_TITLES:
		row_give_title(&row->title, visitor);
		break;
	}
}

static void table_read_chunk(struct source *source, const struct chunk *chunk,
			     const struct facts_visitor *visitor)
{
	uint32_t bytes = row_bytes[chunk->kind];
	union row row;

	for (uint64_t i = 0; bytes && i < chunk->count; i++)
		if (chunk_records_read(&source->cache, &source->recording, chunk, i, 1, bytes,
				       &row))
			table_give_row(source, chunk->kind, &row, visitor);
}

bool tables_read_snapshots(struct source *source, const struct facts_visitor *visitor)
{
	if (!source_update(source))
		return false;
	for (; source->snapshots_given < source->chunks.count; source->snapshots_given++)
		if (source->chunks.table[source->snapshots_given].kind == REGION_SNAPSHOTS)
			table_read_chunk(source, &source->chunks.table[source->snapshots_given],
					 visitor);
	return true;
}

bool tables_read_processes(struct source *source, const struct facts_visitor *visitor)
{
	read_slots(source, visitor);
	if (!source_update(source))
		return false;
	for (; source->slots_given < source->chunks.count; source->slots_given++)
		if (source->chunks.table[source->slots_given].kind == REGION_PROCESSES)
			table_read_chunk(source, &source->chunks.table[source->slots_given],
					 visitor);
	return true;
}

static bool is_stack_region(uint32_t kind)
{
	return kind == REGION_MODULES || kind == REGION_STACKS || kind == REGION_LOADS ||
	       kind == REGION_JIT_NAMES;
}

bool tables_read_stacks(struct source *source, const struct facts_visitor *visitor)
{
	struct facts_visitor depth = {.deepest_stack = visitor->deepest_stack,
				      .context = visitor->context};
	struct segment_shared shared;

	if (!source_update(source))
		return false;
	for (uint64_t i = 0; i < source->chunks.count; i++)
		if (is_stack_region(source->chunks.table[i].kind))
			table_read_chunk(source, &source->chunks.table[i], visitor);
		else if (source->chunks.table[i].kind == REGION_SHARED)
			table_read_chunk(source, &source->chunks.table[i], &depth);
	if (!file_is_open(&source->segment))
		return true;
	read_segment_stacks(source, visitor);
	if (file_record(&source->segment, REGION_SHARED, 0, &shared))
		row_give_shared(&shared, &depth);
	return true;
}

static bool is_rest_region(uint32_t kind)
{
	return kind != REGION_PROCESSES && kind != REGION_SNAPSHOTS && !is_stack_region(kind);
}

bool tables_read_rest(struct source *source, const struct facts_visitor *visitor)
{
	if (!source_update(source))
		return false;
	for (uint64_t i = 0; i < source->chunks.count; i++)
		if (is_rest_region(source->chunks.table[i].kind))
			table_read_chunk(source, &source->chunks.table[i], visitor);
	/* A finished recording contains the segment's tables; its segment is closed. */
	if (file_is_open(&source->segment))
		read_segment(source, visitor);
	return true;
}

bool tables_read(struct source *source, const struct facts_visitor *visitor)
{
	return tables_read_processes(source, visitor) && tables_read_rest(source, visitor);
}

/* ---- objects left at the end ---- */

static void table_give_object(const struct segment_object *row, const struct facts_visitor *visitor)
{
	struct object_facts facts = {
		.gone = row->state != OBJECT_PRESENT,
		.was_seen = row->flags & OBJECT_WAS_SEEN,
		.elsewhere = row->flags & OBJECT_ELSEWHERE,
		.segment =
			{
				.kind = row->kind,
				.shmid = row->id,
				.key = row->key,
				.mode = row->mode,
				.size = row->size,
				.creator_pid = row->creator_pid,
				.last_pid = row->last_pid,
				.owner_uid = row->owner_uid,
				.owner_gid = row->owner_gid,
				.creator_uid = row->creator_uid,
				.creator_gid = row->creator_gid,
				.nattch = row->nattch,
				.attached = row->attached,
				.detached = row->detached,
				.changed = row->changed,
				.resident_bytes = row->resident_bytes,
				.swap_bytes = row->swap_bytes,
			},
	};

	if (visitor->object && row->kind < OBJECT_KIND_COUNT)
		visitor->object(visitor->context, &facts);
}

static void read_objects(struct source *source, const struct chunk *chunk,
			 const struct facts_visitor *visitor)
{
	struct segment_object row;

	for (uint64_t i = 0; i < chunk->count; i++)
		if (chunk_records_read(&source->cache, &source->recording, chunk, i, 1, sizeof row,
				       &row))
			table_give_object(&row, visitor);
}

bool tables_read_objects(struct source *source, const struct facts_visitor *visitor)
{
	if (!source_update(source))
		return false;
	for (uint64_t i = 0; source->facts.objects_known && i < source->chunks.count; i++)
		if (source->chunks.table[i].kind == REGION_OBJECTS)
			read_objects(source, &source->chunks.table[i], visitor);
	return true;
}
