/* SPDX-License-Identifier: MIT */
/*
 * A compare-and-swap of its `claim` word takes a place. Two writers that search for one object
 * probe the same places in the same order, so the second one finds what the first one took. An
 * entry of a removed object stays for the reader until its place is needed.
 */
#include "ledger.h"

#include <string.h>

#include "segment/window.h"
#include "shim.h"

/* `ledger_reach` is the farthest probe that was ever used: so a search without result is short. */
#define WINDOW SEGMENT_LEDGER_WINDOW
#define PROBES SEGMENT_LEDGER_PROBES
#define PROGRAM_PROBES 32u
#define PROGRAM_NONE UINT32_MAX /* searched for, and in no table */

static inline struct segment_entry *ledger_place(uint64_t object, uint32_t probe)
{
	return shim.ledger + segment_ledger_place(object, probe, shim.ledger_count);
}

INLINE struct segment_entry *ledger_window(uint64_t object)
{
	return shim.ledger + segment_ledger_window(object, shim.ledger_count);
}

static inline bool ledger_is_near(void)
{
	return LIKELY(half_load(&shim.shared->ledger_reach) <= WINDOW);
}

SELDOM static struct segment_entry *ledger_find_beyond(uint64_t object,
						       enum segment_entry_state state)
{
	uint32_t reach = half_load(&shim.shared->ledger_reach);

	for (uint32_t i = WINDOW; i < reach && i < PROBES; i++)
		if (word_accept(&ledger_place(object, i)->claim) == (object | state))
			return ledger_place(object, i);
	return NULL;
}

/* Searches the window without a jump that depends on the position. */
INLINE struct segment_entry *ledger_find_near(uint64_t object, enum segment_entry_state state)
{
	uint64_t wanted = (object | state);
	struct segment_entry *all = ledger_window(object), *found = NULL;

#pragma GCC unroll 4
	for (uint32_t i = 0; i < WINDOW; i++)
		found = word_accept(&all[i].claim) == wanted ? all + i : found;
	return found;
}

INLINE struct segment_entry *ledger_find(uint64_t object, enum segment_entry_state state)
{
	struct segment_entry *entry = ledger_find_near(object, state);

	return entry || ledger_is_near() ? entry : ledger_find_beyond(object, state);
}

/*
 * The segment that an id names. A segment that is marked for removal exists until its last detach,
 * and may even be attached again by its id. No other segment gets this id for the next 32,768
 * segments.
 */
INLINE struct segment_entry *ledger_find_any(uint64_t object)
{
	struct segment_entry *present = ledger_find_near(object, ENTRY_PRESENT);
	struct segment_entry *removed = ledger_find_near(object, ENTRY_REMOVED);

	if (LIKELY(present || ledger_is_near()))
		return present ? present : removed;
	present = ledger_find_beyond(object, ENTRY_PRESENT);
	if (present)
		return present;
	return removed ? removed : ledger_find_beyond(object, ENTRY_REMOVED);
}

/*
 * Clears what an earlier segment left. The creator is cleared last: an image that finds no creator
 * writes the key of the segment.
 */
INLINE void ledger_clear(struct segment_entry *entry)
{
	half_store(&entry->key, 0);
	word_store(&entry->size, 0);
	half_store(&entry->flags, 0);
	half_store(&entry->remover_instance, 0);
	half_store(&entry->creator_stack, 0);
	half_store(&entry->remover_stack, 0);
	word_store(&entry->removed_clock, 0);
	word_store(&entry->attaches, 0);
	word_store(&entry->detaches, 0);
	word_store(&entry->inherited, 0);
	word_store(&entry->user_families, 0);
	half_store(&entry->creator_family, 0);
	half_hand_over(&entry->creator_instance, 0);
}

static inline bool ledger_claim_is_usable(uint64_t claim)
{
	return claim == ENTRY_FREE || (claim & 0xff) == ENTRY_REMOVED;
}

/* The first free place of the window, else its first of a removed segment, else null. */
SELDOM static struct segment_entry *ledger_search(uint64_t object)
{
	for (uint32_t i = 0; i < WINDOW; i++)
		if (word_accept(&ledger_place(object, i)->claim) == ENTRY_FREE)
			return ledger_place(object, i);
	for (uint32_t i = 0; i < WINDOW; i++)
		if (ledger_claim_is_usable(word_accept(&ledger_place(object, i)->claim)))
			return ledger_place(object, i);
	return NULL;
}

/*
 * As ledger_search, but first tries the place of the next generation. It is usable if it is free,
 * or if all places have been used and its segment was removed: then it is the oldest.
 */
INLINE struct segment_entry *ledger_choose(uint64_t object)
{
	const struct segment_entry *all = ledger_window(object);
	struct segment_entry *next = ledger_window(object) + segment_ledger_turn(object);
	bool lap = word_accept(&all[0].claim) != ENTRY_FREE &&
		   word_accept(&all[1].claim) != ENTRY_FREE &&
		   word_accept(&all[2].claim) != ENTRY_FREE &&
		   word_accept(&all[3].claim) != ENTRY_FREE;
	uint64_t claim = word_accept(&next->claim);

	return LIKELY(claim == ENTRY_FREE || (lap && ledger_claim_is_usable(claim)))
		       ? next
		       : ledger_search(object);
}

INLINE bool ledger_take(struct segment_entry *entry, uint64_t wanted, uint64_t clock)
{
	uint64_t claim = word_accept(&entry->claim);

	if (!ledger_claim_is_usable(claim) || !word_take(&entry->claim, claim, wanted))
		return false;
	word_store(&entry->seen_clock, clock);
	if (claim != ENTRY_FREE) /* a place that was never used is zero */
		ledger_clear(entry);
	return true;
}

/* Takes the first place beyond the window that is free, or of a removed segment. */
SELDOM static struct segment_entry *ledger_take_beyond(uint64_t object, uint64_t wanted,
						       uint64_t clock)
{
	for (uint32_t i = WINDOW; i < PROBES; i++) {
		struct segment_entry *entry = ledger_place(object, i);

		while (ledger_claim_is_usable(word_accept(&entry->claim))) {
			half_raise(&shim.shared->ledger_reach, i + 1);
			if (!ledger_take(entry, wanted, clock))
				continue; /* another thread took it */
			return entry;
		}
		if (word_accept(&entry->claim) == wanted)
			return entry;
	}
	shim_lose(LOSS_LEDGER_FULL);
	return NULL;
}

/* The segment is known already, or several threads add it at once, or the window is full. */
static __attribute__((noinline)) struct segment_entry *ledger_find_or_take(uint64_t object,
									   uint64_t clock)
{
	uint64_t wanted = object | ENTRY_PRESENT;

	for (;;) {
		struct segment_entry *entry = ledger_choose(
			object); /* before the search: see ledger_take_new */
		struct segment_entry *known = ledger_find(object, ENTRY_PRESENT);

		if (known)
			return known;
		if (!entry)
			return ledger_take_beyond(object, wanted, clock);
		if (ledger_take(entry, wanted, clock))
			return entry;
		/* Another thread took it, perhaps for this object. */
	}
}

/*
 * As ledger_find_or_take, for a segment that is usually new. The place is chosen before the search.
 * If another process takes this place for the same segment, then either the search finds that
 * entry, or this place can no longer be taken. If the search came first, this process would choose
 * the next place, and the segment would have two entries.
 */
INLINE struct segment_entry *ledger_take_new(uint64_t object, uint64_t clock)
{
	struct segment_entry *entry = ledger_choose(object);

	if (LIKELY(!ledger_find_near(object, ENTRY_PRESENT) && ledger_is_near() && entry &&
		   ledger_take(entry, object | ENTRY_PRESENT, clock)))
		return entry;
	return ledger_find_or_take(object, clock);
}

/* The ledger describes one IPC namespace: in another one, the same ids name other segments. */
static inline bool ledger_is_of_other_namespace(void)
{
	return UNLIKELY(shim.ipc_namespace != 0);
}

/* ---- creators ---- */

static uint64_t program_hash_text(const char *text, uint64_t hash)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash * 0x100000001b3u;
}

/* The hash of this image's program, with the state bits clear. */
static uint64_t program_hash(void)
{
	uint64_t hash = program_hash_text(shim.process->comm, 0xcbf29ce484222325u);

	hash = program_hash_text(shim.cmdline, program_hash_text(shim.exe, hash));
	return hash & ~(uint64_t)MODULE_STATE;
}

static bool program_is_own(const struct segment_program *program)
{
	return memcmp(program->comm, shim.process->comm, sizeof program->comm) == 0 &&
	       memcmp(program->exe, shim.exe, sizeof program->exe) == 0 &&
	       memcmp(program->cmdline, shim.cmdline, sizeof program->cmdline) == 0;
}

static void program_fill(struct segment_program *program, uint64_t hash)
{
	memcpy(program->comm, shim.process->comm, sizeof program->comm);
	memcpy(program->exe, shim.exe, sizeof program->exe);
	memcpy(program->cmdline, shim.cmdline, sizeof program->cmdline);
	word_hand_over(&program->claim, hash | MODULE_READY);
}

/*
 * The number of this program in the session's table; adds it if it is new. A full table loses only
 * the name of a creator whose slot was reused, so no loss is counted.
 */
static uint32_t program_find_or_add(void)
{
	struct segment_program *table = shim_region(REGION_PROGRAMS);
	uint64_t count = shim.header->region[REGION_PROGRAMS].count, hash = program_hash();

	for (uint32_t i = 0; i < PROGRAM_PROBES && i < count; i++) {
		struct segment_program *program = table + ((hash >> 2) + i) % count;
		uint64_t claim = word_accept(&program->claim);

		if (claim == (hash | MODULE_READY) && program_is_own(program))
			return (uint32_t)(program - table) + 1;
		if (claim != 0 || !word_take(&program->claim, 0, hash | MODULE_BUSY))
			continue;
		program_fill(program, hash);
		return (uint32_t)(program - table) + 1;
	}
	return PROGRAM_NONE;
}

/*
 * Once for each program: a fork inherits the number. A recording has the slot of each process, so
 * with a recorder no name is lost.
 */
SELDOM static void ledger_program_learn(void)
{
	half_store(&shim.program, shim.header->recorder_pid ? PROGRAM_NONE : program_find_or_add());
}

/*
 * Stores the creator with the object: its slot may belong to another process when the creator is
 * needed.
 */
INLINE void ledger_note_creator(struct segment_entry *entry)
{
	uint32_t program = half_load(&shim.program);

	if (UNLIKELY(program == 0)) {
		ledger_program_learn();
		program = half_load(&shim.program);
	}
	word_store(&entry->creator_start_time, shim.start_time);
	word_store(&entry->creator_namespace, shim.pid_namespace);
	half_store(&entry->creator_pid, (uint32_t)shim.pid);
	half_store(&entry->creator_uid, shim.uid);
	half_store(&entry->creator_program, program == PROGRAM_NONE ? 0 : program);
	half_store(&entry->creator_family, shim.family);
}

/*
 * Notes a family, other than the creator's, that attached it. An unknown family may be any family.
 * The bit is written only where it is missing, so that the cache line stays shared.
 */
INLINE void ledger_note_user(struct segment_entry *entry)
{
	uint64_t bits = LIKELY(shim.family) ? 1ull << shim.family % 64 : UINT64_MAX;

	if (UNLIKELY(half_load(&entry->creator_family) != shim.family || !shim.family) &&
	    ~word_load(&entry->user_families) & bits)
		word_set_bits(&entry->user_families, bits);
}

HOT void ledger_named(uint64_t object, const struct segment_event *event)
{
	struct segment_entry *entry = ledger_is_of_other_namespace()
					      ? NULL
					      : ledger_take_new(object, event->clock);

	if (!entry || half_load(&entry->creator_instance) != 0 ||
	    !half_take(&entry->creator_instance, 0, shim.instance))
		return;
	ledger_note_creator(entry);
	/* shmget, semget and msgget have these at the same places. */
	half_store(&entry->key, (uint32_t)event->u.shmget.key);
	word_store(&entry->size, event->u.shmget.size);
	half_store(&entry->flags, event->u.shmget.flags);
	half_store(&entry->creator_stack, event->stack);
}

HOT struct segment_entry *ledger_attached(uint64_t object, uint64_t clock, bool inherited)
{
	struct segment_entry *entry;

	if (ledger_is_of_other_namespace())
		return NULL;
	entry = ledger_find_any(object);
	if (UNLIKELY(!entry))
		entry = ledger_find_or_take(object, clock);
	if (LIKELY(entry)) {
		counter_add(inherited ? &entry->inherited : &entry->attaches, 1, false);
		ledger_note_user(entry);
	}
	return entry;
}

uint64_t ledger_size(uint64_t object)
{
	const struct segment_entry *entry = ledger_is_of_other_namespace()
						    ? NULL
						    : ledger_find_any(object);

	return entry ? word_load(&entry->size) : 0;
}

HOT void ledger_detached(struct segment_entry *entry, uint64_t object)
{
	if (UNLIKELY(!entry || (word_accept(&entry->claim) & ~0xffull) != object))
		entry = ledger_is_of_other_namespace() ? NULL : ledger_find_any(object);
	if (LIKELY(entry))
		counter_add(&entry->detaches, 1, false);
}

bool ledger_is_present(uint64_t object)
{
	return ledger_find(object, ENTRY_PRESENT) != NULL;
}

HOT void ledger_operated(uint64_t object, uint64_t clock, bool received)
{
	struct segment_entry *entry;

	if (ledger_is_of_other_namespace())
		return;
	entry = ledger_find_any(object);
	if (UNLIKELY(!entry))
		entry = ledger_find_or_take(object, clock);
	if (UNLIKELY(!entry))
		return;
	counter_add(received ? &entry->detaches : &entry->attaches, 1, false);
	ledger_note_user(entry);
}

HOT void ledger_removed(uint64_t object, const struct segment_event *event)
{
	struct segment_entry *entry;

	if (ledger_is_of_other_namespace())
		return;
	entry = ledger_find_near(object, ENTRY_PRESENT);
	if (UNLIKELY(!entry))
		entry = ledger_find_or_take(object, event->clock);
	if (UNLIKELY(!entry))
		return;
	half_store(&entry->remover_instance, shim.instance);
	half_store(&entry->remover_stack, event->stack);
	word_store(&entry->removed_clock, event->clock);
	word_take(&entry->claim, object | ENTRY_PRESENT, object | ENTRY_REMOVED);
}
