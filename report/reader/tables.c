/* SPDX-License-Identifier: MIT */
/*
 * The segment's slots are read before the recording's: an image that ends in between is in the
 * recording before it leaves the segment, so it is found at least once, and its last row is final.
 */
#include "report/reader/tables.h"
#include "preload/segment/publish.h"

#include <string.h>

#include "report/reader/reader_internal.h"
#include "report/reader/unfollowed.h"

/* ---- rows into facts ---- */

static void copy_text(char *to, size_t to_bytes, const char *from, size_t from_bytes)
{
	size_t length = strnlen(from, from_bytes < to_bytes - 1 ? from_bytes : to_bytes - 1);

	memcpy(to, from, length);
	to[length] = '\0';
}

/*
 * Of one that runs, the start time becomes the one that the kernel's tables have here. What
 * outlived its recorder may have ended since; elsewhere it can only be said that it ran then.
 */
static uint32_t state_of(const struct source *source, const struct segment_process *slot,
			 uint64_t *start_time)
{
	switch ((enum segment_process_state)half_load(&slot->state)) {
	case PROCESS_EXITED:
		return STATE_EXITED;
	case PROCESS_KILLED:
		return STATE_KILLED;
	case PROCESS_EXEC:
		return STATE_EXEC;
	case PROCESS_RUNNING:
		if (source_process_since(source, slot, start_time) ||
		    (source_header(source)->finished && !source->facts.same_boot))
			return STATE_RUNNING;
		return STATE_GONE;
	default:
		return STATE_GONE;
	}
}

static void take_moves(struct process_facts *facts, const struct segment_process *slot)
{
	for (int by = 0; by < BY_COUNT; by++) {
		const struct segment_moves *from = &slot->moves[by];

		facts->moves[by] = (struct move_facts){
			.grows = from->count[MOVE_GROW],
			.shrinks = from->count[MOVE_SHRINK],
			.stills = from->count[MOVE_STILL],
			.grown_bytes = from->bytes[MOVE_GROW],
			.shrunk_bytes = from->bytes[MOVE_SHRINK],
		};
	}
}

static void take_counters(struct process_facts *facts, const struct segment_process *slot)
{
	for (int call = 0; call < KIND_CALLS; call++) {
		facts->begun[call] = slot->begun[call];
		facts->ok[call] = slot->ok[call];
		facts->failed[call] = slot->failed[call];
	}
	for (int loss = 0; loss < LOST_DAMAGED; loss++)
		facts->lost[loss] = slot->lost[loss];
	facts->queries = slot->queries;
	facts->attached = slot->attached;
	facts->attached_peak = slot->attached_peak;
	facts->break_current = slot->break_current;
	facts->break_peak = slot->break_peak;
	take_moves(facts, slot);
}

static void take_identity(struct process_facts *facts, const struct segment_process *slot)
{
	facts->instance = slot->instance;
	facts->parent_instance = slot->parent_instance;
	facts->pid = slot->pid;
	facts->ppid = slot->ppid;
	facts->host_pid = slot->host_pid;
	facts->uid = slot->uid;
	facts->image = slot->image;
	facts->forked = slot->how == LIFE_FORK;
	facts->log_unmapped = slot->flags & PROCESS_LOG_UNMAPPED;
	facts->coverage = slot->coverage <= COVERED_FULL ? slot->coverage : COVERED_NOT;
	facts->start_time = slot->start_time;
	facts->pid_namespace = slot->pid_namespace;
	facts->ipc_namespace = slot->ipc_namespace;
	facts->break_initial = slot->break_initial;
	facts->break_at_start = slot->break_at_start;
	facts->inherited = slot->inherited;
	copy_text(facts->comm, sizeof facts->comm, slot->comm, sizeof slot->comm);
	copy_text(facts->exe, sizeof facts->exe, slot->exe, sizeof slot->exe);
	copy_text(facts->cmdline, sizeof facts->cmdline, slot->cmdline, sizeof slot->cmdline);
}

static void give_process(const struct source *source, const struct segment_process *slot,
			 const struct tables_taker *taker)
{
	struct process_facts facts;

	memset(&facts, 0, sizeof facts);
	take_identity(&facts, slot);
	take_counters(&facts, slot);
	facts.state = state_of(source, slot, &facts.start_time);
	facts.exit_status = slot->exit_status;
	facts.exit_signal = slot->exit_signal;
	facts.start_ns = timescale_ns(&source->scale, slot->start_clock);
	facts.ended = facts.state != STATE_RUNNING && slot->end_clock != 0;
	facts.end_ns = facts.ended ? timescale_ns(&source->scale, slot->end_clock) : 0;
	if (taker->process)
		taker->process(taker->context, &facts);
}

static void give_attachment(const struct source *source, const struct segment_attachment *row,
			    const struct tables_taker *taker)
{
	struct attachment_facts facts = {
		.instance = row->instance,
		.shmid = row->shmid,
		.inherited = row->flags & ATTACHMENT_INHERITED,
		.readonly = row->flags & ATTACHMENT_READONLY,
		.address = row->address,
		.since_ns = timescale_ns(&source->scale, row->since_clock),
	};

	if (row->state == ATTACHMENT_LIVE)
		if (taker->attachment)
			taker->attachment(taker->context, &facts);
}

static void give_ledger(const struct source *source, const struct segment_entry *row,
			const struct tables_taker *taker)
{
	struct ledger_facts facts = {
		.shmid = (int32_t)(row->claim >> 32),
		.removed = (uint32_t)row->claim == ENTRY_REMOVED,
		.maker = row->maker_instance,
		.remover = row->remover_instance,
		.key = row->key,
		.flags = row->flags,
		.size = row->size,
		.seen_ns = timescale_ns(&source->scale, row->seen_clock),
		.removed_ns = timescale_ns(&source->scale, row->removed_clock),
		.maker_stack = half_load(&row->maker_stack),
		.remover_stack = half_load(&row->remover_stack),
		.attaches = row->attaches,
		.detaches = row->detaches,
		.inherited = row->inherited,
	};

	if ((uint32_t)row->claim == ENTRY_PRESENT || facts.removed)
		if (taker->ledger)
			taker->ledger(taker->context, &facts);
}

static void give_witness(const struct segment_witness *row, const struct tables_taker *taker)
{
	struct witness_facts facts = {
		.pid = row->pid,
		.ppid = row->ppid,
		.why = witness_words(row->why),
		.taken_back = row->why == WHY_REGISTERED,
	};

	copy_text(facts.exe, sizeof facts.exe, row->exe, sizeof row->exe);
	if (taker->witness)
		taker->witness(taker->context, &facts);
}

static void give_shared(const struct segment_shared *row, const struct tables_taker *taker)
{
	for (int loss = 0; loss < LOST_DAMAGED; loss++)
		if (row->lost[loss])
			if (taker->lost)
				taker->lost(taker->context, (enum loss)loss, row->lost[loss]);
}

static void give_module(const struct segment_module *row, uint64_t number,
			const struct tables_taker *taker)
{
	struct module_facts facts = {.number = (uint32_t)number};

	facts.build_id_bytes = row->build_id_bytes <= sizeof facts.build_id ? row->build_id_bytes
									    : 0;
	memcpy(facts.build_id, row->build_id, facts.build_id_bytes);
	copy_text(facts.path, sizeof facts.path, row->path, sizeof row->path);
	taker->module(taker->context, &facts);
}

static void give_frame(uint64_t number, uint64_t outer, uint64_t offset,
		       const struct tables_taker *taker)
{
	struct frame_facts facts = {
		.number = (uint32_t)number,
		.outer = (uint32_t)(outer >> 32),
		.module = (uint32_t)outer == SEGMENT_FRAME_NOWHERE ? 0 : (uint32_t)outer,
		.exact = offset & SEGMENT_FRAME_EXACT,
		.offset = (offset & ~SEGMENT_FRAME_EXACT) - 1,
	};

	if ((offset & ~SEGMENT_FRAME_EXACT) != 0)
		taker->frame(taker->context, &facts);
}

static void give_load(const struct segment_load *row, const struct tables_taker *taker)
{
	uint64_t whose = word_load(&row->whose);
	struct load_facts facts = {(uint32_t)(whose >> 32), (uint32_t)whose, row->address};

	if (whose != 0)
		taker->load(taker->context, &facts);
}

/* ---- the segment ---- */

static void read_slots(struct source *source, const struct tables_taker *taker)
{
	uint32_t count = source_slot_count(source);
	struct segment_process slot;

	for (uint32_t i = 0; i < count; i++)
		if (source_slot(source, i, &slot))
			give_process(source, &slot, taker);
}

static void read_block(const struct source *source, uint64_t i, const struct tables_taker *taker)
{
	struct segment_attachment block[SEGMENT_BLOCK_ENTRIES];
	uint32_t owner;

	if (!file_record(&source->segment, REGION_OWNERS, i, &owner) || owner == 0 ||
	    !file_record(&source->segment, REGION_ATTACHMENTS, i, block))
		return;
	for (uint32_t e = 0; e < SEGMENT_BLOCK_ENTRIES; e++)
		if (block[e].instance == owner)
			give_attachment(source, &block[e], taker);
}

static void read_segment_stacks(const struct source *source, const struct tables_taker *taker)
{
	const struct segment_region *region = source->segment.header.region;
	struct segment_shared shared;
	struct segment_module module;
	struct segment_frame frame;
	struct segment_load load;

	for (uint64_t i = 0; i < region[REGION_MODULES].count; i++)
		if (file_record(&source->segment, REGION_MODULES, i, &module) &&
		    (word_load(&module.claim) & MODULE_STATE) == MODULE_READY)
			give_module(&module, i + 1, taker);
	for (uint64_t i = 0; i < region[REGION_STACKS].count; i++)
		if (file_record(&source->segment, REGION_STACKS, i, &frame))
			give_frame(i + 1, word_load(&frame.outer), word_load(&frame.offset), taker);
	if (!file_record(&source->segment, REGION_SHARED, 0, &shared))
		return;
	for (uint64_t i = 0; i < region[REGION_LOADS].count && i < half_load(&shared.load_count);
	     i++)
		if (file_record(&source->segment, REGION_LOADS, i, &load))
			give_load(&load, taker);
}

static void read_segment(const struct source *source, const struct tables_taker *taker)
{
	const struct segment_region *region = source->segment.header.region;
	struct segment_shared shared;
	struct segment_entry entry;

	for (uint64_t i = 0; i < region[REGION_OWNERS].count; i++)
		read_block(source, i, taker);
	for (uint64_t i = 0; i < region[REGION_LEDGER].count; i++)
		if (file_record(&source->segment, REGION_LEDGER, i, &entry) && entry.claim != 0)
			give_ledger(source, &entry, taker);
	if (file_record(&source->segment, REGION_SHARED, 0, &shared))
		give_shared(&shared, taker);
}

/* ---- the recording ---- */

static void give_sight(const struct source *source, const struct segment_sight *row,
		       const struct tables_taker *taker)
{
	struct sight_facts facts = {
		.time_ns = timescale_ns(&source->scale, row->clock),
		.instance = row->instance,
		.call = row->call,
		.error = row->error,
		.shmid = row->shmid,
		.key = row->key,
		.size = row->size,
		.mode = row->mode,
		.owner_uid = row->owner_uid,
		.caller_uid = row->caller_uid,
		.creator_pid = row->creator_pid,
		.used_segments = row->used_segments,
		.used_pages = row->used_pages,
		.limit_segments = row->limit_segments,
		.limit_pages = row->limit_pages,
		.limit_size = row->limit_size,
		.most_pid = row->most_pid,
		.most_segments = row->most_segments,
		.most_pages = row->most_pages,
		.next_start = row->next_start,
		.limit_data = row->limit_data,
		.overcommit = row->overcommit,
		.memory_bytes = row->memory_bytes,
		.mapped_bytes = row->mapped_bytes,
	};

	copy_text(facts.most_name, sizeof facts.most_name, row->most_name, sizeof row->most_name);
	copy_text(facts.next_name, sizeof facts.next_name, row->next_name, sizeof row->next_name);
	if (taker->sight)
		taker->sight(taker->context, &facts);
}

union row {
	struct segment_process process;
	struct segment_attachment attachment;
	struct segment_entry entry;
	struct segment_witness witness;
	struct segment_shared shared;
	struct segment_module module;
	struct segment_frame_row frame;
	struct segment_load load;
	struct segment_sight sight;
};

static const uint32_t row_bytes[REGION_COUNT] = {
	[REGION_PROCESSES] = sizeof(struct segment_process),
	[REGION_ATTACHMENTS] = sizeof(struct segment_attachment),
	[REGION_LEDGER] = sizeof(struct segment_entry),
	[REGION_WITNESSES] = sizeof(struct segment_witness),
	[REGION_SHARED] = sizeof(struct segment_shared),
	[REGION_MODULES] = sizeof(struct segment_module),
	[REGION_STACKS] = sizeof(struct segment_frame_row),
	[REGION_LOADS] = sizeof(struct segment_load),
	[REGION_SIGHTS] = sizeof(struct segment_sight),
};

static void give_row(const struct source *source, uint32_t kind, const union row *row,
		     const struct tables_taker *taker)
{
	switch (kind) {
	case REGION_PROCESSES:
		give_process(source, &row->process, taker);
		break;
	case REGION_ATTACHMENTS:
		give_attachment(source, &row->attachment, taker);
		break;
	case REGION_LEDGER:
		give_ledger(source, &row->entry, taker);
		break;
	case REGION_WITNESSES:
		give_witness(&row->witness, taker);
		break;
	case REGION_SHARED:
		give_shared(&row->shared, taker);
		break;
	case REGION_MODULES:
		give_module(&row->module, word_load(&row->module.claim), taker);
		break;
	case REGION_STACKS:
		give_frame(row->frame.number, row->frame.outer, row->frame.offset, taker);
		break;
	case REGION_LOADS:
		give_load(&row->load, taker);
		break;
	case REGION_SIGHTS:
		give_sight(source, &row->sight, taker);
		break;
	}
}

static void read_chunk(const struct source *source, const struct chunk *chunk,
		       const struct tables_taker *taker)
{
	uint32_t bytes = row_bytes[chunk->kind];
	union row row;

	for (uint64_t i = 0; bytes && i < chunk->count; i++)
		if (file_read(&source->recording, chunk->offset + i * bytes, &row, bytes))
			give_row(source, chunk->kind, &row, taker);
}

bool tables_read_sights(struct source *source, const struct tables_taker *taker)
{
	if (!source_update(source))
		return false;
	for (; source->sights_given < source->chunks.count; source->sights_given++)
		if (source->chunks.table[source->sights_given].kind == REGION_SIGHTS)
			read_chunk(source, &source->chunks.table[source->sights_given], taker);
	return true;
}

bool tables_read_processes(struct source *source, const struct tables_taker *taker)
{
	read_slots(source, taker);
	if (!source_update(source))
		return false;
	for (; source->slots_given < source->chunks.count; source->slots_given++)
		if (source->chunks.table[source->slots_given].kind == REGION_PROCESSES)
			read_chunk(source, &source->chunks.table[source->slots_given], taker);
	return true;
}

static bool is_of_stacks(uint32_t kind)
{
	return kind == REGION_MODULES || kind == REGION_STACKS || kind == REGION_LOADS;
}

bool tables_read_stacks(struct source *source, const struct tables_taker *taker)
{
	if (!source_update(source))
		return false;
	for (uint64_t i = 0; i < source->chunks.count; i++)
		if (is_of_stacks(source->chunks.table[i].kind))
			read_chunk(source, &source->chunks.table[i], taker);
	if (file_is_open(&source->segment))
		read_segment_stacks(source, taker);
	return true;
}

static bool is_of_rest(uint32_t kind)
{
	return kind != REGION_PROCESSES && kind != REGION_SIGHTS && !is_of_stacks(kind);
}

bool tables_read_rest(struct source *source, const struct tables_taker *taker)
{
	if (!source_update(source))
		return false;
	for (uint64_t i = 0; i < source->chunks.count; i++)
		if (is_of_rest(source->chunks.table[i].kind))
			read_chunk(source, &source->chunks.table[i], taker);
	/* A finished recording holds the segment's tables already. */
	if (file_is_open(&source->segment))
		read_segment(source, taker);
	return true;
}

bool tables_read(struct source *source, const struct tables_taker *taker)
{
	return tables_read_processes(source, taker) && tables_read_rest(source, taker);
}
