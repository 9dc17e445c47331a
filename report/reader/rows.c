/* SPDX-License-Identifier: MIT */
#include "report/reader/rows.h"

#include <string.h>

#include "preload/segment/publish.h"
#include "report/reader/facts.h"
#include "report/reader/presence.h"
#include "report/util/format.h"

static void copy_text(char *to, size_t to_bytes, const char *from, size_t from_bytes)
{
	size_t length = strnlen(from, from_bytes < to_bytes - 1 ? from_bytes : to_bytes - 1);

	memcpy(to, from, length);
	to[length] = '\0';
}

/*
 * Of a running image, *start_time becomes the start time in this program's time namespace. An image
 * that outlived its recorder may have ended since. On another machine or boot that cannot be
 * checked: the image counts as running, as it did at the session's end.
 */
static uint32_t row_state_of(const struct source *source, const struct segment_process *slot,
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

static void row_convert_moves(struct process_facts *facts, const struct segment_process *slot)
{
	for (int by = 0; by < BY_COUNT; by++) {
		const struct segment_moves *from = &slot->moves[by];
		struct move_facts *to = &facts->moves[by];

		to->grows = from->count[MOVE_GROW];
		to->shrinks = from->count[MOVE_SHRINK];
		to->stills = from->count[MOVE_STILL];
		to->grown_bytes = from->bytes[MOVE_GROW];
		to->shrunk_bytes = from->bytes[MOVE_SHRINK];
	}
}

static void row_convert_counters(struct process_facts *facts, const struct segment_process *slot)
{
	memcpy(facts->begun, (const void *)slot->begun, sizeof facts->begun);
	memcpy(facts->ok, (const void *)slot->ok, sizeof facts->ok);
	memcpy(facts->failed, (const void *)slot->failed, sizeof facts->failed);
	for (int loss = 0; loss < LOST_DAMAGED; loss++)
		facts->lost[loss] = slot->lost[loss];
	facts->queries = slot->queries;
	facts->attached = slot->attached;
	facts->attached_peak = slot->attached_peak;
	facts->break_current = slot->break_current;
	facts->break_peak = slot->break_peak;
	row_convert_moves(facts, slot);
	memcpy(facts->mapped_count, (const void *)slot->mapped.count, sizeof facts->mapped_count);
	memcpy(facts->mapped_bytes, (const void *)slot->mapped.bytes, sizeof facts->mapped_bytes);
	facts->file_mappings = slot->file_mappings;
}

static void row_convert_identity(struct process_facts *facts, const struct segment_process *slot)
{
	facts->instance = slot->instance;
	facts->parent_instance = slot->parent_instance;
	facts->pid = slot->pid;
	facts->ppid = slot->ppid;
	facts->host_pid = slot->host_pid;
	facts->uid = slot->uid;
	facts->image = slot->image;
	facts->forked = slot->how == LIFECYCLE_FORK;
	facts->log_unmapped = slot->flags & PROCESS_LOG_UNMAPPED;
	facts->mappings_watched = slot->flags & PROCESS_ANONYMOUS;
	facts->coverage = slot->coverage <= COVERED_FULL ? slot->coverage : COVERED_NOT;
	facts->start_time = slot->start_time;
	facts->pid_namespace = slot->pid_namespace;
	facts->ipc_namespace = slot->ipc_namespace;
	facts->family = slot->family;
	facts->break_initial = slot->break_initial;
	facts->break_at_start = slot->break_at_start;
	facts->inherited = slot->inherited;
	copy_text(facts->comm, sizeof facts->comm, slot->comm, sizeof slot->comm);
	copy_text(facts->exe, sizeof facts->exe, slot->exe, sizeof slot->exe);
	copy_text(facts->cmdline, sizeof facts->cmdline, slot->cmdline, sizeof slot->cmdline);
}

static void row_convert_still(struct process_facts *facts, const struct source *source,
			      uint32_t state)
{
	struct source_asked asked = {
		.pid = facts->pid,
		.host_pid = facts->host_pid,
		.pid_namespace = facts->pid_namespace,
		.start_time = facts->start_time,
		.state = state,
	};

	facts->process_still = source_process_still(source, &asked);
	facts->image_still = source_image_still(facts->process_still, state);
}

void row_give_process(const struct source *source, const struct segment_process *slot,
		      const struct facts_visitor *visitor)
{
	struct process_facts facts;

	memset(&facts, 0, sizeof facts);
	row_convert_identity(&facts, slot);
	row_convert_counters(&facts, slot);
	row_convert_still(&facts, source, half_load(&slot->state));
	facts.state = row_state_of(source, slot, &facts.start_time);
	facts.ran_at_end = source_header(source)->finished ? slot->state == PROCESS_RUNNING
							   : facts.state == STATE_RUNNING;
	facts.exit_status = slot->exit_status;
	facts.exit_signal = slot->exit_signal;
	facts.start_ns = timescale_ns(&source->scale, slot->start_clock);
	facts.ended = facts.state != STATE_RUNNING && slot->end_clock != 0;
	facts.end_ns = facts.ended ? timescale_ns(&source->scale, slot->end_clock) : 0;
	if (visitor->process)
		visitor->process(visitor->context, &facts);
}

void row_give_attachment(const struct source *source, const struct segment_attachment *row,
			 const struct facts_visitor *visitor)
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
		if (visitor->attachment)
			visitor->attachment(visitor->context, &facts);
}

static void row_convert_program(struct process_facts *facts, const struct source *source,
				uint32_t number)
{
	struct segment_program program;

	if (!number || !file_is_open(&source->segment) ||
	    !file_record(&source->segment, REGION_PROGRAMS, number - 1, &program) ||
	    (word_load(&program.claim) & MODULE_STATE) != MODULE_READY)
		return;
	copy_text(facts->comm, sizeof facts->comm, program.comm, sizeof program.comm);
	copy_text(facts->exe, sizeof facts->exe, program.exe, sizeof program.exe);
	copy_text(facts->cmdline, sizeof facts->cmdline, program.cmdline, sizeof program.cmdline);
}

/* The creator of an object; its slot may have been reused, so its counters are not known. */
static void row_give_creator(const struct source *source, const struct segment_entry *row,
			     const struct facts_visitor *visitor)
{
	struct process_facts facts;

	if (!visitor->creator || !row->creator_instance || !row->creator_pid)
		return;
	memset(&facts, 0, sizeof facts);
	facts.instance = row->creator_instance;
	facts.placeholder = facts.kept_with_object = true;
	facts.pid = (int32_t)row->creator_pid;
	facts.uid = row->creator_uid;
	facts.start_time = row->creator_start_time;
	facts.pid_namespace = row->creator_namespace;
	facts.family = row->creator_family;
	facts.state = STATE_GONE;
	facts.exit_status = -1;
	facts.start_ns = timescale_ns(&source->scale, row->seen_clock);
	row_convert_program(&facts, source, row->creator_program);
	row_convert_still(&facts, source, PROCESS_RUNNING);
	visitor->creator(visitor->context, &facts);
}

static bool is_object_entry(const struct segment_entry *row)
{
	uint32_t claim = (uint32_t)row->claim;

	return claim >> 8 < OBJECT_KINDS &&
	       ((claim & 0xff) == ENTRY_PRESENT || (claim & 0xff) == ENTRY_REMOVED);
}

void row_give_ledger(const struct source *source, const struct segment_entry *row,
		     const struct facts_visitor *visitor)
{
	struct ledger_facts facts = {
		.kind = (uint32_t)row->claim >> 8,
		.id = (int32_t)(row->claim >> 32),
		.removed = (row->claim & 0xff) == ENTRY_REMOVED,
		.creator = row->creator_instance,
		.remover = row->remover_instance,
		.key = row->key,
		.flags = row->flags,
		.size = row->size,
		.seen_ns = timescale_ns(&source->scale, row->seen_clock),
		.removed_ns = timescale_ns(&source->scale, row->removed_clock),
		.creator_stack = half_load(&row->creator_stack),
		.remover_stack = half_load(&row->remover_stack),
		.attaches = row->attaches,
		.detaches = row->detaches,
		.inherited = row->inherited,
		.creator_family = row->creator_family,
		.user_families = row->user_families,
	};

	if (!is_object_entry(row))
		return;
	row_give_creator(source, row, visitor);
	if (visitor->ledger)
		visitor->ledger(visitor->context, &facts);
}

void row_give_unfollowed(const struct source *source, const struct segment_unfollowed *row,
			 const struct facts_visitor *visitor)
{
	struct unfollowed_facts facts = {
		.pid = row->pid,
		.ppid = row->ppid,
		.why = unfollowed_words(row->why),
		.taken_back = row->why == WHY_REGISTERED,
		.suspected = row->why == WHY_NO_ACCESS || row->why == WHY_UNKNOWN,
		.other_uid = row->why == WHY_NO_ACCESS ? row->other_uid : 0,
	};

	/* Another machine's user may have another name here. */
	if (facts.other_uid && source->facts.same_boot)
		name_of_user(facts.other_uid, facts.other_user, sizeof facts.other_user);
	copy_text(facts.exe, sizeof facts.exe, row->exe, sizeof row->exe);
	if (visitor->unfollowed)
		visitor->unfollowed(visitor->context, &facts);
}

void row_give_shared(const struct segment_shared *row, const struct facts_visitor *visitor)
{
	for (int loss = 0; loss < LOST_DAMAGED; loss++)
		if (row->lost[loss])
			if (visitor->lost)
				visitor->lost(visitor->context, (enum loss)loss, row->lost[loss]);
	if (visitor->deepest_stack)
		visitor->deepest_stack(visitor->context, half_load(&row->deepest_stack));
}

void row_give_module(const struct segment_module *row, uint64_t number,
		     const struct facts_visitor *visitor)
{
	struct module_facts facts = {.number = (uint32_t)number};

	facts.build_id_bytes = row->build_id_bytes <= sizeof facts.build_id ? row->build_id_bytes
									    : 0;
	memcpy(facts.build_id, row->build_id, facts.build_id_bytes);
	copy_text(facts.path, sizeof facts.path, row->path, sizeof row->path);
	visitor->module(visitor->context, &facts);
}

void row_give_frame(uint64_t number, uint64_t outer, uint64_t offset,
		    const struct facts_visitor *visitor)
{
	struct frame_facts facts = {
		.number = (uint32_t)number,
		.outer = (uint32_t)(outer >> 32),
		.module = (uint32_t)outer == SEGMENT_FRAME_NOWHERE ? 0 : (uint32_t)outer,
		.exact = offset & SEGMENT_FRAME_EXACT,
		.cut = offset & SEGMENT_FRAME_CUT,
		.offset = (offset & SEGMENT_FRAME_OFFSET) - 1,
	};

	if ((offset & SEGMENT_FRAME_OFFSET) != 0)
		visitor->frame(visitor->context, &facts);
}

void row_give_load(const struct segment_load *row, const struct facts_visitor *visitor)
{
	uint64_t whose = word_load(&row->whose);
	struct load_facts facts = {(uint32_t)(whose >> 32), (uint32_t)whose, row->address};

	if (whose != 0)
		visitor->load(visitor->context, &facts);
}

void row_give_snapshot(const struct source *source, const struct segment_snapshot *row,
		       const struct facts_visitor *visitor)
{
	struct snapshot_facts facts = {
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
		.data_bytes = row->data_bytes,
		.first_mapped_bytes = row->first_mapped_bytes,
		.first_data_bytes = row->first_data_bytes,
		.nattch = row->nattch,
		.process_gone = row->flags & SNAPSHOT_PROCESS_GONE,
		.most_ended = row->flags & SNAPSHOT_MOST_ENDED,
	};

	copy_text(facts.most_name, sizeof facts.most_name, row->most_name, sizeof row->most_name);
	copy_text(facts.next_name, sizeof facts.next_name, row->next_name, sizeof row->next_name);
	copy_text(facts.creator_name, sizeof facts.creator_name, row->creator_name,
		  sizeof row->creator_name);
	if (visitor->snapshot)
		visitor->snapshot(visitor->context, &facts);
}

void row_give_jit_name(const struct segment_jit_name *row, const struct facts_visitor *visitor)
{
	struct jit_name_facts facts = {.instance = row->instance, .address = row->address};

	copy_text(facts.name, sizeof facts.name, row->name, sizeof row->name);
	if (row->instance != 0 && facts.name[0] && visitor->jit_name)
		visitor->jit_name(visitor->context, &facts);
}

void row_give_title(const struct segment_title *row, const struct facts_visitor *visitor)
{
	struct title_facts facts = {.instance = row->instance};

	copy_text(facts.text, sizeof facts.text, row->text, sizeof row->text);
	if (row->instance != 0 && visitor->title)
		visitor->title(visitor->context, &facts);
}

void row_give_identity(const struct source *source, const struct segment_identity *row,
		       const struct facts_visitor *visitor)
{
	struct identity_facts facts = {
		.instance = row->instance,
		.pid = row->pid,
		.real_uid = row->real_uid,
		.effective_uid = row->effective_uid,
		.start_time = row->start_time,
		.process_still = source_recorders_pid_still(source, row->pid, row->start_time),
		.proof = row->proof,
		.known_ns = timescale_ns(&source->scale, row->known_clock),
		.ended = row->flags & IDENTITY_ENDED,
		.end_by_kernel = row->flags & IDENTITY_END_BY_KERNEL,
		.replaced = row->flags & IDENTITY_REPLACED,
		.end_ns = timescale_ns(&source->scale, row->end_clock),
		.exit_status = row->exit_status,
		.exit_signal = row->exit_signal,
		.usage =
			{
				.samples = row->samples,
				.sampled_ns = timescale_ns(&source->scale, row->sample_clock),
				.faults = row->faults,
				.cpu_ns = row->cpu_ns,
				.waited_ns = row->waited_ns,
				.resident_peak_bytes = row->resident_peak_bytes,
				.anonymous_bytes = row->anonymous_bytes,
				.anonymous_peak_bytes = row->anonymous_peak_bytes,
				.anonymous_peak_ns = timescale_ns(&source->scale,
								  row->anonymous_peak_clock),
				.break_bytes_then = row->anonymous_peak_break,
				.heap_known = row->flags & IDENTITY_HEAP_KNOWN,
				.heap_bytes = row->heap_bytes,
				.heap_free_bytes = row->heap_free_bytes,
			},
	};

	if (row->instance != 0 && row->pid > 0 && row->proof > 0 &&
	    row->proof < IDENTITY_PROOF_END && visitor->identity)
		visitor->identity(visitor->context, &facts);
}
