/* SPDX-License-Identifier: MIT */
#include "slots.h"

#include "common/raw.h"
#include "common/timens.h"

static inline _Atomic uint64_t *slot_index(void)
{
	return shim_region(REGION_INDEX);
}

static inline struct segment_process *slot_table(void)
{
	return shim_region(REGION_PROCESSES);
}

static inline uint64_t slot_word(int32_t pid, uint32_t instance)
{
	return (uint64_t)(uint32_t)pid << 32 | instance;
}

static bool slot_is_in_namespace(const struct segment_process *slot)
{
	return slot->pid_namespace == shim.pid_namespace;
}

/*
 * The newest image of this pid and start time that has not ended. `others`: set when there are
 * images with other start times.
 */
static struct segment_process *slots_find_image(int32_t pid, uint64_t start_time, bool *others)
{
	uint32_t used = half_accept(&shim.shared->slot_high), newest = 0;
	uint64_t count = shim.header->region[REGION_INDEX].count;
	struct segment_process *found = NULL;

	for (uint32_t i = 0; i < used && i < count; i++) {
		uint64_t word = word_accept(&slot_index()[i]);

		uint32_t state = half_load(&slot_table()[i].state);

		/*
		 * A process that was seen to exec keeps its slot, so that its next image continues
		 * the count.
		 */
		if (word >> 32 != (uint32_t)pid || (uint32_t)word <= newest ||
		    (state != PROCESS_RUNNING && state != PROCESS_EXEC) ||
		    !slot_is_in_namespace(slot_table() + i))
			continue;
		*others |= slot_table()[i].start_time != start_time;
		if (slot_table()[i].start_time != start_time)
			continue;
		newest = (uint32_t)word;
		found = slot_table() + i;
	}
	return found;
}

/*
 * Start times are ticks of 10 ms, in which a pid may be used twice: the newest image counts. An
 * exec may lead from the first time namespace into another one, where the process has another start
 * time.
 */
struct segment_process *slots_find_predecessor(int32_t pid, uint64_t start_time)
{
	bool others = false, nameless = shim.pid_namespace == SEGMENT_NAMESPACE_UNKNOWN;
	struct segment_process *found = nameless && !start_time
						? NULL
						: slots_find_image(pid, start_time, &others);
	int64_t shift = found || !others ? 0 : timens_read(TIMENS_SELF).boottime_ns;

	return shift ? slots_find_image(pid, start_time - (uint64_t)(shift / TIMENS_TICK_NS),
					&others)
		     : found;
}

static bool pid_is_free(uint64_t word)
{
	return raw_call3(SYS_kill, (long)(word >> 32), 0, 0) == -ESRCH;
}

/*
 * A process stores its end before it has ended. Until its pid is free, it may still write to its
 * slot: after exit(3) in a vfork child, the parent lives on. An image that exec replaced has ended
 * at once.
 */
static bool slot_has_ended(uint64_t word, const struct segment_process *slot)
{
	uint32_t state = half_load(&slot->state);
	bool askable = slot->pid_namespace == shim.pid_namespace &&
		       slot->pid_namespace != SEGMENT_NAMESPACE_UNKNOWN;

	if (state != PROCESS_RUNNING && (state == PROCESS_EXEC || !askable))
		return true;
	/* A process of another pid namespace cannot be checked, so it keeps its slot. */
	return askable && pid_is_free(word);
}

/* Whether the process that fills in a slot has ended. Its pid namespace is not known yet. */
static bool slot_filler_has_ended(uint64_t word)
{
	return !half_accept(&shim.shared->other_pids) && !shim.pid_namespace && pid_is_free(word);
}

static bool slot_is_reusable(uint64_t word, const struct segment_process *slot)
{
	return (uint32_t)word ? slot_has_ended(word, slot) : slot_filler_has_ended(word);
}

/*
 * Whether a slot may be reused although its process may still run. Either the process stored its
 * end and its pid is in use: by itself, perhaps as a zombie, or by another process. Or the pid
 * namespaces of both processes are unknown and the pid is free here, which proves little. The
 * reader is told that a running process may have no slot.
 */
static bool slot_may_have_ended(uint64_t word, const struct segment_process *slot)
{
	if (!(uint32_t)word)
		return false;
	return half_load(&slot->state) != PROCESS_RUNNING ||
	       (slot->pid_namespace == SEGMENT_NAMESPACE_UNKNOWN &&
		shim.pid_namespace == SEGMENT_NAMESPACE_UNKNOWN && pid_is_free(word));
}

/*
 * Frees the slot of an ended process when there is no recorder: its totals are kept, its
 * attachments are dropped.
 */
static void slot_forget(const struct segment_process *slot)
{
	_Atomic uint32_t *owner = shim_region(REGION_OWNERS);

	for (int call = 0; call < CALL_COUNT; call++)
		counter_add(&shim.shared->reused_calls[call],
			    word_load(&slot->ok[call]) + word_load(&slot->failed[call]), false);
	for (uint32_t i = 0; i < SEGMENT_PROCESS_BLOCKS; i++) {
		uint32_t block = short_load(&slot->block[i]);

		if (block != 0 && block <= shim.header->region[REGION_OWNERS].count)
			half_take(&owner[block - 1], slot->instance, 0);
	}
	counter_add(&shim.shared->lost[LOSS_SLOT_REUSED], 1, false);
}

/*
 * The three passes of the search: a free slot, then a slot whose process has ended, then one whose
 * process may have ended.
 */
enum { TAKE_FREE, TAKE_ENDED, TAKE_UNSURE, TAKE_COUNT };

static bool slot_take(uint32_t i, int32_t pid, int how)
{
	uint64_t word = word_accept(&slot_index()[i]);

	if (word != 0 && how == TAKE_FREE)
		return false;
	if (word != 0 && !slot_is_reusable(word, slot_table() + i)) {
		if (how != TAKE_UNSURE || !slot_may_have_ended(word, slot_table() + i))
			return false;
		half_add(&shim.shared->unsure_slots, 1);
	}
	if (!word_take(&slot_index()[i], word, slot_word(pid, 0)))
		return false;
	if (word != 0 && (uint32_t)word != 0)
		slot_forget(slot_table() + i);
	return true;
}

struct segment_process *slots_take(int32_t pid)
{
	uint32_t count = (uint32_t)shim.header->region[REGION_INDEX].count;
	int ways = shim.header->recorder_pid ? TAKE_ENDED : TAKE_COUNT;

	if (shim.pid_namespace) /* before this process takes a slot that does not hold its namespace
				   yet */
		half_hand_over(&shim.shared->other_pids, 1);
	for (int how = TAKE_FREE; how < ways; how++)
		for (uint32_t i = 0; i < count; i++)
			if (slot_take(i, pid, how)) {
				half_raise(&shim.shared->slot_high, i + 1);
				return slot_table() + i;
			}
	return NULL;
}

void slots_announce(const struct segment_process *slot)
{
	word_hand_over(&slot_index()[slot - slot_table()], slot_word(slot->pid, slot->instance));
}
