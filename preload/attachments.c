/* SPDX-License-Identifier: MIT */
#include "attachments.h"

#include <string.h>
#include <sys/shm.h>

#include "ledger.h"
#include "shim.h"
#include "thread.h"

/*
 * Between a shmdt of one thread and its entry's removal, another thread may attach and detach at
 * the same address. So a detach takes its entry before the call, and then no other thread finds the
 * entry.
 */
enum { ATTACHMENT_LEAVING = ATTACHMENT_LIVE + 1 };

struct attachment {
	_Atomic uint32_t state; /* enum segment_attachment_state, or ATTACHMENT_LEAVING */
	int32_t shmid;
	uint32_t flags; /* ATTACHMENT_... */
	uint32_t pad;
	uint64_t address;
	uint64_t since_clock;
	struct segment_entry *entry;       /* the ledger entry that counted it; null: none */
	struct segment_attachment *shared; /* its copy in the segment; null: none yet, or no room */
	uint64_t pad1[2];
};
_Static_assert(sizeof(struct attachment) == ATTACHMENT_BYTES, "one cache line");

static struct attachment few[32];
static struct attachment *table = few;
static uint32_t table_size = sizeof few / sizeof *few;
static _Atomic uint32_t table_used; /* this entry and those above it were never used */

static _Atomic uint32_t free_hint; /* the entry that was freed last: the search begins there */

/*
 * For each hash of an address: the number of live entries, and the entry added last. Threads may
 * overwrite each other's `last`: it is only where a search begins.
 */
struct bucket {
	_Atomic uint32_t live;
	_Atomic uint32_t last;
};
static struct bucket buckets[256];

INLINE struct bucket *attachment_bucket(uint64_t address)
{
	return buckets + (address * 0x9e3779b97f4a7c15u >> 56);
}

void attachments_set_memory(void *memory, uint64_t bytes)
{
	uint64_t most = (uint64_t)SEGMENT_PROCESS_BLOCKS * SEGMENT_BLOCK_ENTRIES;

	table = memory;
	table_size = (uint32_t)(bytes / sizeof *table < most ? bytes / sizeof *table : most);
}

/*
 * Takes a free block of the session as block `number` of this process. Returns the block + 1; 0:
 * there is none.
 */
static uint32_t attachment_take_block(uint32_t number)
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
		half_hand_over(&owner[block], 0); /* another thread has set it */
		return short_load(&shim.process->block[number]);
	}
	return 0;
}

/* The copy in the segment of entry `index`; null when the session has no room for it. */
SELDOM static struct segment_attachment *attachment_find_shared(uint32_t index)
{
	struct segment_attachment *entries = shim_region(REGION_ATTACHMENTS);
	uint32_t number = index / SEGMENT_BLOCK_ENTRIES;
	uint32_t block = short_load(&shim.process->block[number]);

	if (block == 0)
		block = attachment_take_block(number);
	if (block == 0 || block > shim.header->region[REGION_OWNERS].count)
		return NULL;
	return entries + (block - 1) * SEGMENT_BLOCK_ENTRIES + index % SEGMENT_BLOCK_ENTRIES;
}

INLINE void attachment_publish(struct attachment *from)
{
	struct segment_attachment *to = from->shared;

	if (UNLIKELY(!to)) {
		to = attachment_find_shared((uint32_t)(from - table));
		if (!to) {
			shim_lose(LOSS_ATTACHMENTS_FULL);
			return;
		}
		from->shared = to;
	}
	to->instance = shim.instance;
	to->shmid = from->shmid;
	to->flags = from->flags;
	to->address = from->address;
	to->since_clock = from->since_clock;
	half_hand_over(&to->state, ATTACHMENT_LIVE);
}

INLINE bool attachment_take_free(uint32_t index)
{
	return half_load(&table[index].state) == ATTACHMENT_FREE &&
	       half_take_own(&table[index].state, ATTACHMENT_FREE, ATTACHMENT_BUSY, thread_alone());
}

SELDOM static struct attachment *attachment_search_free(void)
{
	for (uint32_t i = 0; i < table_size; i++) {
		if (!attachment_take_free(i))
			continue;
		half_raise(&table_used, i + 1);
		return table + i;
	}
	return NULL;
}

INLINE struct attachment *attachment_take_entry(void)
{
	uint32_t hint = half_load(&free_hint);

	return LIKELY(hint < half_load(&table_used) && attachment_take_free(hint))
		       ? table + hint
		       : attachment_search_free();
}

/* Takes the entry, so that no other thread finds it. */
INLINE bool attachment_take_at(uint32_t index, uint64_t address)
{
	struct attachment *a = table + index;

	if (UNLIKELY(half_accept(&a->state) != ATTACHMENT_LIVE || a->address != address) ||
	    !half_take_own(&a->state, ATTACHMENT_LIVE, ATTACHMENT_LEAVING, thread_alone()))
		return false;
	if (LIKELY(a->address == address))
		return true;
	half_store(&a->state, ATTACHMENT_LIVE); /* freed and reused in between */
	return false;
}

SELDOM static struct attachment *attachment_search_at(uint64_t address)
{
	uint32_t used = half_load(&table_used);

	for (uint32_t i = 0; i < used; i++)
		if (attachment_take_at(i, address))
			return table + i;
	return NULL;
}

INLINE struct attachment *attachment_take_by_address(uint64_t address)
{
	uint32_t last = half_load(&attachment_bucket(address)->last);

	return LIKELY(attachment_take_at(last, address)) ? table + last
							 : attachment_search_at(address);
}

/*
 * Removes the attachments that began in the range of a new one: SHM_REMAP replaced them, or munmap
 * removed them before. The range is known only if the size is known, and it is not for a segment
 * that no process of the session created. Live entries are at the beginning of the table, and there
 * are at most `attached` of them.
 */
SELDOM static void attachments_forget_range(uint64_t address, uint64_t size)
{
	uint32_t used = half_load(&table_used), left = half_load(&shim.process->attached);

	for (uint32_t i = 0; i < used && left > 0; i++) {
		uint32_t state = half_accept(&table[i].state);

		left -= state != ATTACHMENT_FREE;
		if (state == ATTACHMENT_LIVE && table[i].address - address < (size ? size : 1) &&
		    attachment_take_at(i, table[i].address))
			attachments_forget(table + i);
	}
}

HOT void attachments_add(int shmid, uint64_t address, uint32_t flags, uint64_t clock)
{
	struct bucket *bucket = attachment_bucket(address);
	struct segment_entry *entry;
	struct attachment *a;

	if (UNLIKELY(flags & SHM_REMAP || half_load(&bucket->live)))
		attachments_forget_range(
			address,
			flags & SHM_REMAP ? ledger_size(segment_object(OBJECT_SHM, shmid)) : 1);
	entry = ledger_attached(segment_object(OBJECT_SHM, shmid), clock, false);
	half_raise(&shim.process->attached_peak,
		   half_add_own(&shim.process->attached, 1, thread_alone()));
	a = attachment_take_entry();
	if (UNLIKELY(!a)) {
		shim_lose(LOSS_ATTACHMENTS_FULL);
		return;
	}
	a->shmid = shmid;
	a->flags = flags & SHM_RDONLY ? ATTACHMENT_READONLY : 0;
	a->address = address;
	a->since_clock = clock;
	a->entry = entry;
	attachment_publish(a);
	half_add_own(&bucket->live, 1, thread_alone());
	half_store(&bucket->last, (uint32_t)(a - table));
	half_hand_over(&a->state, ATTACHMENT_LIVE);
}

HOT struct attachment *attachments_take(uint64_t address, int *shmid, uint8_t *event_flags)
{
	struct attachment *a = attachment_take_by_address(address);

	if (UNLIKELY(!a))
		return NULL;
	*shmid = a->shmid;
	*event_flags = (uint8_t)(*event_flags | EVENT_SHMID_KNOWN |
				 (a->flags & ATTACHMENT_INHERITED ? EVENT_INHERITED : 0));
	return a;
}

void attachments_keep(struct attachment *a)
{
	half_store(&a->state, ATTACHMENT_LIVE);
}

INLINE void attachment_forget(struct attachment *a)
{
	struct bucket *bucket = attachment_bucket(a->address);

	/*
	 * The copy in the segment is freed first: when the private entry is free, another thread
	 * may take it.
	 */
	if (LIKELY(a->shared))
		half_hand_over(&a->shared->state, ATTACHMENT_FREE);
	half_store(&free_hint, (uint32_t)(a - table));
	half_hand_over(&a->state, ATTACHMENT_FREE);
	half_add_own(&bucket->live, (uint32_t)-1, thread_alone());
	half_add_own(&shim.process->attached, (uint32_t)-1, thread_alone());
}

HOT void attachments_release(struct attachment *a)
{
	struct segment_entry *entry = a->entry;
	int shmid = a->shmid;

	attachment_forget(a);
	ledger_detached(entry, segment_object(OBJECT_SHM, shmid));
}

SELDOM void attachments_forget(struct attachment *a)
{
	attachment_forget(a);
}

static bool attachment_is_live_at(uint64_t address)
{
	uint32_t used = half_load(&table_used);

	for (uint32_t i = 0; i < used; i++)
		if (half_load(&table[i].state) == ATTACHMENT_LIVE && table[i].address == address)
			return true;
	return false;
}

/*
 * Another thread of the parent was in shmdt when the kernel made this copy: before the detach, or
 * after it. After it, nothing is mapped at this address, or another attachment is, which has its
 * own entry.
 */
static bool attachment_is_mapped(const struct attachment *a)
{
	unsigned char resident;
	long failed = raw_call3(SYS_mincore, (long)a->address, 1, (long)&resident);

	return failed == 0 && !attachment_is_live_at(a->address);
}

/* Ends what other threads of the parent had begun: they do not exist in the child. */
static void attachments_end_changes(void)
{
	uint32_t used = half_load(&table_used);

	for (uint32_t i = 0; i < used; i++) {
		uint32_t state = half_load(&table[i].state);

		if (state == ATTACHMENT_BUSY ||
		    (state == ATTACHMENT_LEAVING && !attachment_is_mapped(table + i)))
			half_store(&table[i].state, ATTACHMENT_FREE);
		else if (state == ATTACHMENT_LEAVING)
			half_store(&table[i].state, ATTACHMENT_LIVE);
	}
}

uint32_t attachments_inherit(void)
{
	uint32_t used = half_load(&table_used), count = 0;

	memset(buckets, 0, sizeof buckets);
	attachments_end_changes();
	for (uint32_t i = 0; i < used; i++) {
		table[i].shared = NULL; /* it is the parent's */
		if (half_load(&table[i].state) != ATTACHMENT_LIVE)
			continue;
		table[i].flags |= ATTACHMENT_INHERITED;
		table[i].entry = ledger_attached(segment_object(OBJECT_SHM, table[i].shmid),
						 table[i].since_clock, true);
		attachment_publish(table + i);
		half_add_own(&attachment_bucket(table[i].address)->live, 1, true);
		half_store(&attachment_bucket(table[i].address)->last, i);
		count++;
	}
	half_store(&shim.process->attached, count);
	half_store(&shim.process->attached_peak, count);
	return count;
}
