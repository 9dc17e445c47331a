/* SPDX-License-Identifier: MIT */
/*
 * A compare-and-swap of its `claim` takes an entry of either table. An entry of WAITS is free again
 * when its call returns. If a signal handler leaves semop with longjmp, the entry stays: the same
 * thread finds it by its frame, which the next call's frame has taken the place of.
 */
#include "operations.h"

#include <sys/sem.h>

#include "ledger.h"
#include "thread.h"
#include "unwind.h"

#define PROBES 16u

/* ---- region WAITS ---- */

struct operation operation_read(const struct sembuf *sops, size_t nsops, uint64_t sp)
{
	struct operation operation = {0, -1, 0};
	uint64_t at = (uint64_t)sops, bytes = nsops * sizeof *sops;

	if (nsops == 0 || nsops > UINT16_MAX)
		return operation;
	if (at - shim.process->break_initial >= shim.break_now - shim.process->break_initial ||
	    bytes > shim.break_now - at)
		if (!unwind_can_read(sp, at, bytes))
			return operation;
	for (size_t i = 0; i < nsops; i++) {
		if (sops[i].sem_op > 0)
			continue;
		if (operation.nsops != 0) /* any of them may be the one */
			return (struct operation){0, -1, 0};
		operation = (struct operation){(uint32_t)nsops, sops[i].sem_num, sops[i].sem_op};
	}
	if (operation.nsops == 0 && nsops == 1)
		operation = (struct operation){1, sops->sem_num, sops->sem_op};
	return operation;
}

uint64_t operation_word(const struct operation *operation)
{
	if (operation->nsops == 0)
		return 0;
	return (uint64_t)operation->nsops << 32 | (uint64_t)(uint16_t)operation->semnum << 16 |
	       (uint16_t)operation->op;
}

/*
 * Whether this thread left the call of an entry without a return. A call that a signal handler
 * interrupted is still there: its frame lies further out, or it is writing the entry, which has no
 * time yet.
 */
static bool wait_is_left(const struct segment_wait *wait, uint64_t own, uint64_t frame)
{
	return word_load(&wait->claim) == own && word_load(&wait->since_clock) != 0 &&
	       word_load(&wait->frame) <= frame;
}

struct segment_wait *wait_begin(enum segment_call call, uint64_t object, uint64_t operation,
				uint64_t frame, uint64_t clock)
{
	uint64_t count = shim.header->region[REGION_WAITS].count;
	uint64_t own = (uint64_t)shim.instance << 32 | (uint32_t)thread_id();
	uint64_t at = shim.instance * 4u + (uint32_t)thread_id();
	struct segment_wait *table = shim_region(REGION_WAITS), *wait;

	if (shim.ipc_namespace) /* the same id names another object there */
		return NULL;
	for (uint32_t i = 0; i < PROBES; i++) {
		wait = table + ((at + i) & (count - 1));
		if ((word_load(&wait->claim) == 0 && word_take(&wait->claim, 0, own)) ||
		    wait_is_left(wait, own, frame)) {
			word_store(&wait->since_clock, 0);
			word_store(&wait->object, object | call);
			word_store(&wait->operation, operation);
			word_store(&wait->frame, frame);
			word_hand_over(&wait->since_clock, clock);
			return wait;
		}
	}
	shim_lose(LOSS_WAITS_FULL);
	return NULL;
}

void wait_end(struct segment_wait *wait)
{
	uint64_t own = (uint64_t)shim.instance << 32 | (uint32_t)thread_id();

	if (!wait || word_load(&wait->claim) != own)
		return;
	word_store(&wait->since_clock, 0);
	word_hand_over(&wait->claim, 0);
}

/* ---- region USES ---- */

/* Its instance is 0: it belongs to no image while its words are written. */
#define USE_BUSY (3ull << SEGMENT_USE_KIND_SHIFT)

INLINE uint64_t use_claim(uint64_t object)
{
	return (object & ~0xffffffffull) | (object >> 8 & 3) << SEGMENT_USE_KIND_SHIFT |
	       shim.instance;
}

INLINE struct segment_use *use_place(uint64_t object, uint32_t probe)
{
	uint64_t count = shim.header->region[REGION_USES].count;
	uint64_t at = shim.instance * 8u + (object >> 32) + (object >> 8 & 3) * 4 + probe;
	struct segment_use *table = shim_region(REGION_USES);

	return table + (at & (count - 1));
}

/* A thread that comes meanwhile takes another entry: the counts of both add up. */
static bool use_take(struct segment_use *use, uint64_t claim, uint64_t object, uint64_t clock)
{
	if (!word_take(&use->claim, claim, USE_BUSY))
		return false;
	word_store(&use->count[0], 0);
	word_store(&use->count[1], 0);
	word_store(&use->seen_clock, clock);
	word_hand_over(&use->claim, use_claim(object));
	return true;
}

/* Of this image, and of an object that was removed: it stays for the reader until now. */
static bool use_is_past(uint64_t claim)
{
	uint32_t instance = (uint32_t)claim & ((1u << SEGMENT_USE_KIND_SHIFT) - 1);
	uint32_t kind = (uint32_t)claim >> SEGMENT_USE_KIND_SHIFT;

	return instance == shim.instance &&
	       !ledger_is_present(segment_object(kind, (int32_t)(claim >> 32)));
}

SELDOM static struct segment_use *use_add(uint64_t object, uint64_t clock)
{
	for (uint32_t i = 0; i < PROBES; i++)
		if (word_load(&use_place(object, i)->claim) == 0 &&
		    use_take(use_place(object, i), 0, object, clock))
			return use_place(object, i);
	for (uint32_t i = 0; i < PROBES; i++) {
		uint64_t claim = word_load(&use_place(object, i)->claim);

		if (use_is_past(claim) && use_take(use_place(object, i), claim, object, clock))
			return use_place(object, i);
	}
	shim_lose(LOSS_USES_FULL);
	return NULL;
}

INLINE struct segment_use *use_find(uint64_t object, uint64_t clock)
{
	uint64_t own = use_claim(object);

	for (uint32_t i = 0; i < PROBES; i++) {
		uint64_t claim = word_accept(&use_place(object, i)->claim);

		if (LIKELY(claim == own))
			return use_place(object, i);
		if (claim == 0)
			break;
	}
	return use_add(object, clock);
}

HOT void operation_done(uint64_t object, uint64_t clock, bool received)
{
	struct segment_use *use = shim.ipc_namespace ? NULL : use_find(object, clock);

	ledger_operated(object, clock, received);
	if (LIKELY(use))
		counter_add(&use->count[received], 1, thread_alone());
}
