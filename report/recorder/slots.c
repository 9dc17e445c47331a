/* SPDX-License-Identifier: MIT */
#include "report/recorder/slots.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/procfs/proc.h"
#include "report/recorder/drain.h"
#include "report/recorder/drain_struct.h"
#include "report/recorder/operations.h"

#define ANCESTORS_MOST 32

/* ---- registrations ---- */

uint32_t drain_wait(struct drain *drain, uint32_t seen, bool polling)
{
	static const struct timespec a_second = {.tv_sec = 1}, a_moment = {.tv_nsec = 250000};

	half_announce(&drain->shared->polling, polling);
	if (half_accept(&drain->shared->registered) == seen)
		syscall(SYS_futex, &drain->shared->registered, FUTEX_WAIT, seen,
			polling ? &a_moment : &a_second, NULL, 0);
	return half_accept(&drain->shared->registered);
}

void drain_wake(struct drain *drain)
{
	half_announce_one_more(&drain->shared->registered);
	syscall(SYS_futex, &drain->shared->registered, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void drain_set_polling(struct drain *drain)
{
	half_announce(&drain->shared->polling, true);
}

uint32_t drain_slot_count(const struct drain *drain)
{
	return (uint32_t)drain->header.region[REGION_INDEX].count;
}

static bool slot_is_taken_by(const struct drain *drain, pid_t pid)
{
	uint32_t used = drain_slots_used(drain);

	for (uint32_t i = 0; i < used; i++)
		if ((pid_t)(word_accept(drain_word(drain, i)) >> 32) == pid)
			return true;
	return false;
}

bool drain_is_member(const struct drain *drain, pid_t pid)
{
	struct proc_facts facts;

	if (slot_is_taken_by(drain, pid))
		return true;
	for (int depth = 0; depth < ANCESTORS_MOST && pid > 1; depth++) {
		if (pid == getpid())
			return true;
		if (!proc_facts(pid, &facts))
			return false;
		pid = facts.ppid;
	}
	return false;
}

/* Reads slot i if its image was not reported yet. The slot may be freed during the read. */
static bool read_registration(const struct drain *drain, uint32_t i, struct drain_process *process)
{
	const struct segment_process *slot = drain_slot(drain, i);
	uint64_t word = word_accept(drain_word(drain, i));
	bool knows_break;

	if ((uint32_t)word == 0 || (uint32_t)word == drain->reported[i] ||
	    (uint32_t)word > half_accept(&drain->shared->next_instance))
		return false;
	knows_break = slot->how == LIFECYCLE_START && slot->flags & PROCESS_BREAK_KNOWN;
	*process = (struct drain_process){
		.slot = i,
		.instance = (uint32_t)word,
		.parent_instance = slot->parent_instance,
		.forked = slot->how == LIFECYCLE_FORK,
		.other_pid_namespace = slot->pid_namespace != 0,
		.pid = (pid_t)(word >> 32),
		.start_time = slot->start_time,
		.start_clock = slot->start_clock,
		.start_break = knows_break ? slot->break_initial : 0,
		.registered_break = slot->break_at_start,
	};
	return true;
}

static int by_instance(const void *a, const void *b)
{
	uint32_t x = ((const struct drain_process *)a)->instance;
	uint32_t y = ((const struct drain_process *)b)->instance;

	return x < y ? -1 : x > y;
}

unsigned drain_registrations(struct drain *drain, struct drain_process *found, unsigned capacity)
{
	uint32_t used = drain_slots_used(drain);
	unsigned count = 0;

	for (uint32_t i = 0; i < used && count < capacity; i++)
		if (read_registration(drain, i, &found[count]))
			drain->reported[i] = found[count++].instance;
	qsort(found, count, sizeof *found, by_instance);
	return count;
}

void drain_put_back(struct drain *drain, const struct drain_process *found, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		drain->reported[found[i].slot] = 0;
}

bool drain_has_registered(const struct drain *drain, pid_t pid, uint64_t start_time,
			  uint64_t start_break)
{
	uint32_t used = drain_slots_used(drain);

	for (uint32_t i = 0; i < used; i++) {
		const struct segment_process *slot = drain_slot(drain, i);
		uint64_t word = word_accept(drain_word(drain, i));

		if ((uint32_t)word != 0 && (pid_t)(word >> 32) == pid &&
		    slot->how == LIFECYCLE_START &&
		    (slot->break_initial == start_break || !(slot->flags & PROCESS_BREAK_KNOWN)) &&
		    timens_same_start(pid, start_time, slot->start_time))
			return true;
	}
	return false;
}

/* ---- ends ---- */

static bool is_in_place(const struct drain *drain, const struct drain_process *process)
{
	return (uint32_t)word_accept(drain_word(drain, process->slot)) == process->instance;
}

void drain_know_pid(struct drain *drain, const struct drain_process *process, pid_t pid)
{
	struct segment_process *slot = drain_slot(drain, process->slot);

	if (is_in_place(drain, process) && (slot->pid != pid || slot->pid_namespace))
		half_store((_Atomic uint32_t *)&slot->host_pid, (uint32_t)pid);
}

bool drain_was_replaced(const struct drain *drain, const struct drain_process *process)
{
	return is_in_place(drain, process) &&
	       half_accept(&drain_slot(drain, process->slot)->state) == PROCESS_EXEC;
}

void drain_append(struct drain *drain, enum segment_region_kind kind, const void *records,
		  uint32_t record_bytes, uint64_t count)
{
	struct segment_chunk chunk = {.kind = kind, .record_bytes = record_bytes, .count = count};

	recording_append(&drain->recording, chunk, records);
}

static void append_end(struct drain *drain, const struct segment_process *slot,
		       enum segment_call kind)
{
	struct segment_event event = {
		.clock = word_load(&slot->end_clock),
		.process = slot->instance,
		.tid = slot->pid,
		.kind = (uint8_t)kind,
	};

	event.u.life.status = slot->exit_status;
	event.u.life.signal = slot->exit_signal;
	event.u.life.inherited = half_load(&slot->attached);
	event.u.life.before = word_load(&slot->break_current);
	drain_append_event(drain, &event);
}

/*
 * The exit time that the process itself noted. It does not count if the process has made a call
 * since.
 */
static uint64_t end_clock(const struct drain *drain, const struct segment_process *slot,
			  enum drain_how how)
{
	uint64_t now = drain_clock(drain), noted = word_accept(&slot->end_clock), begun = 0;

	for (int call = 0; call < CALL_COUNT; call++)
		begun += word_load(&slot->begun[call]);
	return how == DRAIN_EXITED && noted >= slot->start_clock && noted < now &&
			       begun == word_load(&slot->end_begun)
		       ? noted
		       : now;
}

static void end_slot(struct drain *drain, struct segment_process *slot, enum drain_how how,
		     int status, int signal)
{
	static const enum segment_process_state state[] = {
		[DRAIN_EXITED] = PROCESS_EXITED,
		[DRAIN_KILLED] = PROCESS_KILLED,
		[DRAIN_GONE] = PROCESS_GONE,
	};

	/* The status is not known, unless the process noted its exit itself. */
	if (how == DRAIN_GONE && slot->exit_status >= 0) {
		how = DRAIN_EXITED;
		status = slot->exit_status;
	}
	word_store(&slot->end_clock, end_clock(drain, slot, how));
	half_store((_Atomic uint32_t *)&slot->exit_status,
		   (uint32_t)(how == DRAIN_EXITED ? status : -1));
	half_store((_Atomic uint32_t *)&slot->exit_signal,
		   (uint32_t)(how == DRAIN_KILLED ? signal : 0));
	half_hand_over(&slot->state, state[how]);
	append_end(drain, slot, LIFECYCLE_EXIT);
}

/* Empties and frees the image's attachment blocks, then frees the slot. */
static void free_slot(struct drain *drain, const struct drain_process *process)
{
	uint64_t count = drain->header.region[REGION_OWNERS].count;
	_Atomic uint32_t *owner = drain_region(drain, REGION_OWNERS);
	struct segment_attachment *entry = drain_region(drain, REGION_ATTACHMENTS);

	for (uint64_t block = 0; block < count; block++) {
		if (half_load(&owner[block]) != process->instance)
			continue;
		for (uint32_t e = 0; e < SEGMENT_BLOCK_ENTRIES; e++)
			half_store(&entry[block * SEGMENT_BLOCK_ENTRIES + e].state,
				   ATTACHMENT_FREE);
		half_take(&owner[block], process->instance, 0);
	}
	word_hand_over(drain_word(drain, process->slot), 0);
}

void drain_retire(struct drain *drain, const struct drain_process *process, enum drain_how how,
		  int status, int signal)
{
	struct segment_process *slot = drain_slot(drain, process->slot);

	if (!is_in_place(drain, process))
		return;
	if (!drain_was_replaced(drain, process))
		end_slot(drain, slot, how, status, signal);
	drain_append(drain, REGION_PROCESSES, slot, sizeof *slot, 1);
	operations_retire(drain, slot);
	free_slot(drain, process);
}

uint64_t drain_now(const struct drain *drain)
{
	return drain_clock(drain);
}

void drain_leave(struct drain *drain, const struct drain_process *process, uint64_t clock)
{
	struct segment_process *slot = drain_slot(drain, process->slot);

	if (!is_in_place(drain, process) || drain_was_replaced(drain, process))
		return;
	word_store(&slot->end_clock, clock);
	half_hand_over(&slot->state, PROCESS_EXEC);
	append_end(drain, slot, LIFECYCLE_EXEC);
}

/* The first image of the same process that registered after this one; null: none. */
static struct segment_process *find_next(const struct drain *drain, const struct drain_process *old)
{
	uint64_t place = drain_slot(drain, old->slot)->pid_namespace;
	struct segment_process *next = NULL;

	for (uint32_t i = 0; i < drain_slots_used(drain); i++) {
		struct segment_process *slot = drain_slot(drain, i);
		uint64_t word = word_accept(drain_word(drain, i));

		if ((pid_t)(word >> 32) == old->pid && (uint32_t)word > old->instance &&
		    slot->start_time == old->start_time && slot->how == LIFECYCLE_START &&
		    slot->pid_namespace == place && (!next || slot->instance < next->instance))
			next = slot;
	}
	return next;
}

void drain_link_next(struct drain *drain, const struct drain_process *old)
{
	struct segment_process *next = find_next(drain, old);

	if (!next || next->parent_instance || !is_in_place(drain, old))
		return;
	next->image = drain_slot(drain, old->slot)->image + 1;
	next->parent_instance = old->instance;
}

void drain_append_unfollowed(struct drain *drain, const struct drain_unfollowed *process)
{
	struct segment_unfollowed unfollowed = {
		.pid = process->pid,
		.ppid = process->ppid,
		.why = process->why,
		.other_uid = process->other_uid,
		.seen_clock = drain_clock(drain),
	};

	snprintf(unfollowed.exe, sizeof unfollowed.exe, "%s", process->exe);
	drain_append(drain, REGION_UNFOLLOWED, &unfollowed, sizeof unfollowed, 1);
}

void drain_append_slots(struct drain *drain)
{
	uint32_t used = drain_slots_used(drain);

	for (uint32_t i = 0; i < used; i++)
		if ((uint32_t)word_accept(drain_word(drain, i)) != 0)
			drain_append(drain, REGION_PROCESSES, drain_slot(drain, i),
				     sizeof(struct segment_process), 1);
}
