/* SPDX-License-Identifier: MIT */
#include "slots.h"

#include "common/raw.h"
#include "common/timens.h"

static inline _Atomic uint64_t *slot_words(void)
{
	return shim_region(REGION_INDEX);
}

static inline struct segment_process *slot_slots(void)
{
	return shim_region(REGION_PROCESSES);
}

static inline uint64_t slot_word(int32_t pid, uint32_t instance)
{
	return (uint64_t)(uint32_t)pid << 32 | instance;
}

static bool same_pid_namespace(const struct segment_process *slot)
{
	return slot->pid_namespace == shim.pid_namespace;
}

/* The newest image of a pid and start that has not come to its end; `others`: there are some of
 * other starts. */
static struct segment_process *find_image(int32_t pid, uint64_t start_time, bool *others)
{
	uint32_t used = half_accept(&shim.shared->slot_high), newest = 0;
	uint64_t count = shim.header->region[REGION_INDEX].count;
	struct segment_process *found = NULL;

	for (uint32_t i = 0; i < used && i < count; i++) {
		uint64_t word = word_accept(&slot_words()[i]);

		uint32_t state = half_load(&slot_slots()[i].state);

		/* What was seen to execute keeps its slot, and its place in the row of images. */
		if (word >> 32 != (uint32_t)pid || (uint32_t)word <= newest ||
		    (state != PROCESS_RUNNING && state != PROCESS_EXEC) ||
		    !same_pid_namespace(slot_slots() + i))
			continue;
		*others |= slot_slots()[i].start_time != start_time;
		if (slot_slots()[i].start_time != start_time)
			continue;
		newest = (uint32_t)word;
		found = slot_slots() + i;
	}
	return found;
}

/*
 * Start times are ticks of 10 ms, in which a pid may be used a second time: the newest. An exec may
 * lead from the first time namespace into another, where this process has another start time.
 */
struct segment_process *slots_find_predecessor(int32_t pid, uint64_t start_time)
{
	bool others = false, nameless = shim.pid_namespace == SEGMENT_NAMESPACE_UNKNOWN;
	struct segment_process *found = nameless && !start_time
						? NULL
						: find_image(pid, start_time, &others);
	int64_t shift = found || !others ? 0 : timens_read(TIMENS_SELF).boottime_ns;

	return shift ? find_image(pid, start_time - (uint64_t)(shift / TIMENS_TICK_NS), &others)
		     : found;
}

static bool pid_is_free(uint64_t word)
{
	return raw_call3(SYS_kill, (long)(word >> 32), 0, 0) == -ESRCH;
}

/*
 * A process notes its own end before it is over: until its pid is free it may still write to its
 * slot, and after exit(3) in a vfork child its parent lives on. An image that was replaced by exec
 * is over at once.
 */
static bool slot_has_ended(uint64_t word, const struct segment_process *slot)
{
	uint32_t state = half_load(&slot->state);
	bool askable = slot->pid_namespace == shim.pid_namespace &&
		       slot->pid_namespace != SEGMENT_NAMESPACE_UNKNOWN;

	if (state != PROCESS_RUNNING && (state == PROCESS_EXEC || !askable))
		return true;
	/* A process of another pid namespace cannot be asked for; it keeps its slot. */
	return askable && pid_is_free(word);
}

/* The process of a slot that is being filled in: its pid namespace is not yet known. */
static bool filler_has_ended(uint64_t word)
{
	return !half_accept(&shim.shared->other_pids) && !shim.pid_namespace && pid_is_free(word);
}

static bool preload_slot_has_ended(uint64_t word, const struct segment_process *slot)
{
	return (uint32_t)word ? slot_has_ended(word, slot) : filler_has_ended(word);
}

/*
 * It noted its end, and its pid is in use: by itself, as a zombie perhaps, or by another process.
 * Or neither its pid namespace nor this one's is known, and its pid is free here, which proves
 * little. The reader learns that a process may run which has no slot any more.
 */
static bool may_have_ended(uint64_t word, const struct segment_process *slot)
{
	if (!(uint32_t)word)
		return false;
	return half_load(&slot->state) != PROCESS_RUNNING ||
	       (slot->pid_namespace == SEGMENT_NAMESPACE_UNKNOWN &&
		shim.pid_namespace == SEGMENT_NAMESPACE_UNKNOWN && pid_is_free(word));
}

/* An ended process makes room where no recorder will: its totals stay, its attachments go. */
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
 * How hard a slot is looked for: a free one, one whose process has ended, and last one whose
 * process cannot be found, though nobody knows whether it would be.
 */
enum { TAKE_FREE, TAKE_ENDED, TAKE_LOST, TAKE_COUNT };

static bool take_slot(uint32_t i, int32_t pid, int how)
{
	uint64_t word = word_accept(&slot_words()[i]);

	if (word != 0 && how == TAKE_FREE)
		return false;
	if (word != 0 && !preload_slot_has_ended(word, slot_slots() + i)) {
		if (how != TAKE_LOST || !may_have_ended(word, slot_slots() + i))
			return false;
		half_add(&shim.shared->unsure_slots, 1);
	}
	if (!word_take(&slot_words()[i], word, slot_word(pid, 0)))
		return false;
	if (word != 0 && (uint32_t)word != 0)
		slot_forget(slot_slots() + i);
	return true;
}

struct segment_process *slots_take(int32_t pid)
{
	uint32_t count = (uint32_t)shim.header->region[REGION_INDEX].count;
	int ways = shim.header->recorder_pid ? TAKE_ENDED : TAKE_COUNT;

	if (shim.pid_namespace) /* before it stands in a slot that does not say so yet */
		half_hand_over(&shim.shared->other_pids, 1);
	for (int how = TAKE_FREE; how < ways; how++)
		for (uint32_t i = 0; i < count; i++)
			if (take_slot(i, pid, how)) {
				half_raise(&shim.shared->slot_high, i + 1);
				return slot_slots() + i;
			}
	return NULL;
}

void slots_announce(const struct segment_process *slot)
{
	word_hand_over(&slot_words()[slot - slot_slots()], slot_word(slot->pid, slot->instance));
}
