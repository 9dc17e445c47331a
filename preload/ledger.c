/* SPDX-License-Identifier: MIT */
/*
 * A place is taken by one compare-and-swap of its `claim` word, and two writers that look for one
 * shmid walk the same places, so the second finds what the first took. Removed segments stay for
 * the reader until their place is needed.
 */
#include "ledger.h"

#include "shim.h"

/* `ledger_reach` says how far from its window one ever stood: so looking in vain is short. */
#define WINDOW SEGMENT_LEDGER_WINDOW
#define PROBES SEGMENT_LEDGER_PROBES

static inline uint64_t claim_word(int shmid, enum segment_entry_state state)
{
	return (uint64_t)(uint32_t)shmid << 32 | state;
}

static struct segment_entry *place(int shmid, uint32_t probe)
{
	return (struct segment_entry *)shim_region(REGION_LEDGER) +
	       segment_ledger_place(shmid, probe, shim.header->region[REGION_LEDGER].count);
}

static struct segment_entry *find(int shmid, enum segment_entry_state state)
{
	uint64_t wanted = claim_word(shmid, state);
	uint32_t reach = half_load(&shim.shared->ledger_reach);

	if (reach < WINDOW || reach > PROBES)
		reach = reach < WINDOW ? WINDOW : PROBES;
	for (uint32_t i = 0; i < reach; i++) {
		struct segment_entry *entry = place(shmid, i);
		uint64_t claim = word_accept(&entry->claim);

		if (claim == wanted)
			return entry;
		if (claim == ENTRY_FREE)
			return NULL;
	}
	return NULL;
}

/*
 * The segment that an id means. One that is marked for removal is there until its last detach, and
 * may even be attached again by its id, which nobody else gets for the next 32,768 segments.
 */
static struct segment_entry *find_any(int shmid)
{
	struct segment_entry *entry = find(shmid, ENTRY_PRESENT);

	return entry ? entry : find(shmid, ENTRY_REMOVED);
}

static void begin(struct segment_entry *entry, uint64_t clock)
{
	half_store(&entry->maker_instance, 0);
	half_store(&entry->key, 0);
	word_store(&entry->size, 0);
	half_store(&entry->flags, 0);
	half_store(&entry->remover_instance, 0);
	half_store(&entry->maker_stack, 0);
	half_store(&entry->remover_stack, 0);
	word_store(&entry->seen_clock, clock);
	word_store(&entry->removed_clock, 0);
	word_store(&entry->attaches, 0);
	word_store(&entry->detaches, 0);
	word_store(&entry->inherited, 0);
}

/* Takes place i if it is free, or held by a removed segment and `removed`. */
static struct segment_entry *take_place(int shmid, uint64_t clock, uint32_t i, bool removed)
{
	uint64_t wanted = claim_word(shmid, ENTRY_PRESENT);
	struct segment_entry *entry = place(shmid, i);

	for (;;) {
		uint64_t claim = word_accept(&entry->claim);

		if (claim == wanted)
			return entry;
		if (claim != ENTRY_FREE && !(removed && (claim & 0xff) == ENTRY_REMOVED))
			return NULL;
		if (word_take(&entry->claim, claim, wanted))
			break;
		/* Somebody took it: for this shmid perhaps. */
	}
	begin(entry, clock);
	half_raise(&shim.shared->ledger_reach, i + 1);
	return entry;
}

/* The first place that is free in the window, else one of a removed segment, else further on. */
static struct segment_entry *take(int shmid, uint64_t clock)
{
	struct segment_entry *entry = NULL;

	for (uint32_t i = 0; !entry && i < WINDOW; i++)
		entry = take_place(shmid, clock, i, false);
	for (uint32_t i = 0; !entry && i < PROBES; i++)
		entry = take_place(shmid, clock, i, true);
	return entry;
}

static struct segment_entry *find_or_take(int shmid, uint64_t clock)
{
	struct segment_entry *entry = find(shmid, ENTRY_PRESENT);

	if (!entry)
		entry = take(shmid, clock);
	if (!entry)
		shim_lose(LOSS_LEDGER_FULL);
	return entry;
}

/* The ledger is of one IPC namespace: in another the same ids mean other segments. */
static inline bool is_elsewhere(void)
{
	return UNLIKELY(shim.ipc_namespace != 0);
}

void ledger_named(int shmid, const struct segment_event *event)
{
	struct segment_entry *entry = is_elsewhere() ? NULL : find_or_take(shmid, event->clock);

	if (!entry || half_load(&entry->maker_instance) != 0 ||
	    !half_take(&entry->maker_instance, 0, shim.instance))
		return;
	half_store(&entry->key, (uint32_t)event->u.shmget.key);
	word_store(&entry->size, event->u.shmget.size);
	half_store(&entry->flags, event->u.shmget.flags);
	half_store(&entry->maker_stack, event->stack);
}

void ledger_attached(int shmid, uint64_t clock, bool inherited)
{
	struct segment_entry *entry;

	if (is_elsewhere())
		return;
	entry = find_any(shmid);
	if (!entry)
		entry = find_or_take(shmid, clock);
	if (entry)
		counter_add(inherited ? &entry->inherited : &entry->attaches, 1, false);
}

uint64_t ledger_size(int shmid)
{
	const struct segment_entry *entry = is_elsewhere() ? NULL : find_any(shmid);

	return entry ? word_load(&entry->size) : 0;
}

void ledger_detached(int shmid)
{
	struct segment_entry *entry = is_elsewhere() ? NULL : find_any(shmid);

	if (entry)
		counter_add(&entry->detaches, 1, false);
}

void ledger_removed(int shmid, const struct segment_event *event)
{
	struct segment_entry *entry = is_elsewhere() ? NULL : find_or_take(shmid, event->clock);

	if (!entry)
		return;
	half_store(&entry->remover_instance, shim.instance);
	half_store(&entry->remover_stack, event->stack);
	word_store(&entry->removed_clock, event->clock);
	word_take(&entry->claim, claim_word(shmid, ENTRY_PRESENT),
		  claim_word(shmid, ENTRY_REMOVED));
}
