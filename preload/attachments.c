/* SPDX-License-Identifier: MIT */
#include "attachments.h"

#include <sys/shm.h>

#include "ledger.h"
#include "shim.h"
#include "thread.h"

/*
 * Two threads may detach one address in turn, with an attach between, before either has noted it:
 * so a detach takes its entry before the call, and no other thread finds it any more.
 */
enum { ATTACHMENT_LEAVING = ATTACHMENT_LIVE + 1 };

struct attachment {
	_Atomic uint32_t state; /* enum segment_attachment_state, or ATTACHMENT_LEAVING */
	int32_t shmid;
	uint32_t flags; /* ATTACHMENT_... */
	uint32_t pad;
	uint64_t address;
	uint64_t since_clock;
};

static struct attachment few[32];
static struct attachment *table = few;
static uint32_t table_size = sizeof few / sizeof *few;
static _Atomic uint32_t table_used; /* entries at and above were never used */

void attachments_set_room(void *room, uint64_t bytes)
{
	uint64_t most = (uint64_t)SEGMENT_PROCESS_BLOCKS * SEGMENT_BLOCK_ENTRIES;

	table = room;
	table_size = (uint32_t)(bytes / sizeof *table < most ? bytes / sizeof *table : most);
}

/* Takes a free block of the session for block `number` of this process; 0 when there is none. */
static uint32_t take_block(uint32_t number)
{
	_Atomic uint32_t *owner = shim_region(REGION_OWNERS);
	uint32_t count = (uint32_t)shim.header->region[REGION_OWNERS].count;
	uint32_t hint = half_load(&shim.shared->block_hint);

	for (uint32_t i = 0; i < count && i < 0xffff; i++) {
		uint32_t block = (hint + i) % count;

		if (half_load(&owner[block]) != 0 || !half_take(&owner[block], 0, shim.instance))
			continue;
		half_store(&shim.shared->block_hint, block + 1);
		if (short_take(&shim.process->block[number], 0, (uint16_t)(block + 1)))
			return block + 1;
		half_hand_over(&owner[block], 0); /* another thread was quicker */
		return short_load(&shim.process->block[number]);
	}
	return 0;
}

/* The place in the segment of entry `index`, null when the session has no room for it. */
static struct segment_attachment *shared_entry(uint32_t index, bool take)
{
	struct segment_attachment *entries = shim_region(REGION_ATTACHMENTS);
	uint32_t number = index / SEGMENT_BLOCK_ENTRIES;
	uint32_t block = short_load(&shim.process->block[number]);

	if (block == 0 && take)
		block = take_block(number);
	if (block == 0 || block > shim.header->region[REGION_OWNERS].count)
		return NULL;
	return entries + (block - 1) * SEGMENT_BLOCK_ENTRIES + index % SEGMENT_BLOCK_ENTRIES;
}

static void publish(uint32_t index)
{
	struct segment_attachment *to = shared_entry(index, true);
	const struct attachment *from = table + index;

	if (!to) {
		shim_lose(LOSS_ATTACHMENTS_FULL);
		return;
	}
	to->instance = shim.instance;
	to->shmid = from->shmid;
	to->flags = from->flags;
	to->address = from->address;
	to->since_clock = from->since_clock;
	half_hand_over(&to->state, ATTACHMENT_LIVE);
}

static int take_entry(void)
{
	for (uint32_t i = 0; i < table_size; i++) {
		if (half_load(&table[i].state) != ATTACHMENT_FREE ||
		    !half_take_own(&table[i].state, ATTACHMENT_FREE, ATTACHMENT_BUSY,
				   thread_alone()))
			continue;
		half_raise(&table_used, i + 1);
		return (int)i;
	}
	return -1;
}

static bool take_live(uint32_t index)
{
	return half_take_own(&table[index].state, ATTACHMENT_LIVE, ATTACHMENT_LEAVING,
			     thread_alone());
}

/*
 * What began in the range of a new attachment is no more: SHM_REMAP took its place, or else munmap
 * had taken it away. As far as the range is known: the size of a segment that nobody made here is
 * not. Live entries stand low in the table, and there are no more of them than are attached.
 */
static void forget_all_in(uint64_t address, uint64_t size)
{
	uint32_t used = half_load(&table_used), left = half_load(&shim.process->attached);

	for (uint32_t i = 0; i < used && left > 0; i++) {
		uint32_t state = half_accept(&table[i].state);

		left -= state != ATTACHMENT_FREE;
		if (state == ATTACHMENT_LIVE && table[i].address - address < (size ? size : 1) &&
		    take_live(i))
			attachments_forget((int)i);
	}
}

void attachments_add(int shmid, uint64_t address, uint32_t flags, uint64_t clock)
{
	int index;

	forget_all_in(address, flags & SHM_REMAP ? ledger_size(shmid) : 1);
	ledger_attached(shmid, clock, false);
	half_raise(&shim.process->attached_peak,
		   half_add_own(&shim.process->attached, 1, thread_alone()));
	index = take_entry();
	if (index < 0) {
		shim_lose(LOSS_ATTACHMENTS_FULL);
		return;
	}
	table[index].shmid = shmid;
	table[index].flags = flags & SHM_RDONLY ? ATTACHMENT_READONLY : 0;
	table[index].address = address;
	table[index].since_clock = clock;
	half_hand_over(&table[index].state, ATTACHMENT_LIVE);
	publish((uint32_t)index);
}

int attachments_take(uint64_t address, int *shmid, uint8_t *event_flags)
{
	uint32_t used = half_load(&table_used);

	for (uint32_t i = 0; i < used; i++) {
		if (half_accept(&table[i].state) != ATTACHMENT_LIVE ||
		    table[i].address != address || !take_live(i))
			continue;
		if (table[i].address != address) { /* freed and taken for another meanwhile */
			attachments_keep((int)i);
			continue;
		}
		*shmid = table[i].shmid;
		*event_flags = (uint8_t)(*event_flags | EVENT_SHMID_KNOWN);
		if (table[i].flags & ATTACHMENT_INHERITED)
			*event_flags |= EVENT_INHERITED;
		return (int)i;
	}
	return -1;
}

void attachments_keep(int index)
{
	half_store(&table[index].state, ATTACHMENT_LIVE);
}

void attachments_forget(int index)
{
	struct segment_attachment *shared = shared_entry((uint32_t)index, false);

	/* The segment's copy first: once the private entry is free, another may take it. */
	if (shared)
		half_hand_over(&shared->state, ATTACHMENT_FREE);
	half_hand_over(&table[index].state, ATTACHMENT_FREE);
	half_add_own(&shim.process->attached, (uint32_t)-1, thread_alone());
}

void attachments_drop(int index)
{
	int shmid = table[index].shmid;

	attachments_forget(index);
	ledger_detached(shmid);
}

uint32_t attachments_inherit(void)
{
	uint32_t used = half_load(&table_used), count = 0;

	for (uint32_t i = 0; i < used; i++) {
		/* The threads that were about to attach or detach are not here. */
		if (half_load(&table[i].state) == ATTACHMENT_BUSY)
			half_store(&table[i].state, ATTACHMENT_FREE);
		if (half_load(&table[i].state) == ATTACHMENT_LEAVING)
			half_store(&table[i].state, ATTACHMENT_LIVE);
		if (half_load(&table[i].state) != ATTACHMENT_LIVE)
			continue;
		table[i].flags |= ATTACHMENT_INHERITED;
		ledger_attached(table[i].shmid, table[i].since_clock, true);
		publish(i);
		count++;
	}
	half_store(&shim.process->attached, count);
	half_store(&shim.process->attached_peak, count);
	return count;
}
