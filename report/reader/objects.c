/* SPDX-License-Identifier: MIT */
#include "report/reader/reader_internal.h"
#include "report/reader/tables.h"

static void give_object(const struct segment_object *row, const struct facts_visitor *visitor)
{
	struct object_facts facts = {
		.kind = row->kind,
		.gone = row->state != OBJECT_PRESENT,
		.was_seen = row->flags & OBJECT_WAS_SEEN,
		.elsewhere = row->flags & OBJECT_ELSEWHERE,
		.segment =
			{
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

	if (visitor->object)
		visitor->object(visitor->context, &facts);
}

static void read_objects(struct source *source, const struct chunk *chunk,
			 const struct facts_visitor *visitor)
{
	struct segment_object row;

	for (uint64_t i = 0; i < chunk->count; i++)
		if (chunk_records_read(&source->cache, &source->recording, chunk, i, 1, sizeof row,
				       &row))
			give_object(&row, visitor);
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
