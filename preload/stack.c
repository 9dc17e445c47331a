/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>

#include "libc.h"
#include "module.h"
#include "segment/raw.h"
#include "thread.h"
#include "unwind.h"

#define MEMOS 512u /* a power of two */
#define WAYS 2u
#define PROBES 32u

/* Where a return address lay in a remembered walk. */
struct memo_frame {
	uint64_t slot; /* 0: it cannot be checked, so the memo is good for nothing */
	uint64_t pc;
};

/* What region STACKS will know of it: see struct segment_frame. */
struct memo_place {
	uint64_t offset;
	uint32_t module; /* number + 1 */
};

/* What is compared each time stands together, for the sake of the cache; the places follow it. */
struct memo {
	_Atomic uint32_t busy;
	uint32_t count; /* of frames; 0: empty */
	struct stack_caller caller;
	uint64_t thread;
	uint32_t stack;
	struct memo_frame frame[];
};

static char *memos; /* MEMOS of memo_bytes() each */

static inline uint64_t memo_bytes(void)
{
	return sizeof(struct memo) +
	       shim.stack_depth * (sizeof(struct memo_frame) + sizeof(struct memo_place));
}

static inline struct memo_place *memo_places(struct memo *memo)
{
	return (struct memo_place *)(memo->frame + shim.stack_depth);
}

void stack_set_up(const struct link_map *libc)
{
	char *find = libc_find_symbol(libc, "_dl_find_object").address;
	uint32_t depth = shim.header->stack_depth;
	long at;

	if (depth == 0)
		return;
	if (depth > SEGMENT_STACK_DEPTH_MAX)
		depth = SEGMENT_STACK_DEPTH_MAX;
	shim.stack_depth = depth;
	at = raw_call6(SYS_mmap, 0, (long)(MEMOS * memo_bytes()), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (raw_failed(at) ||
	    !unwind_set_up((int (*)(void *, struct unwind_object *))(void *)find)) {
		shim.stack_depth = 0;
		shim.no_stacks = true;
		return;
	}
	memos = (char *)at;
}

/* ---- region STACKS ---- */

static uint64_t frame_hash(uint64_t outer, uint64_t offset)
{
	uint64_t hash = (outer ^ offset << 20 ^ offset) * 0x9e3779b97f4a7c15u;

	return hash ^ hash >> 32;
}

/* The frame's index + 1; 0 when there is no room. */
static uint32_t intern(uint32_t parent, const struct memo_place *frame)
{
	struct segment_frame *table = shim_region(REGION_STACKS);
	uint64_t count = shim.header->region[REGION_STACKS].count;
	uint64_t outer = (uint64_t)parent << 32 | frame->module;
	uint64_t hash = frame_hash(outer, frame->offset);

	for (uint32_t i = 0; i < PROBES; i++) {
		uint64_t at = (hash + i) % count;
		uint64_t seen = word_load(&table[at].outer);

		/* A frame whose offset is still missing is passed by: its writer may be dead. */
		if (seen == outer && word_accept(&table[at].offset) == frame->offset)
			return (uint32_t)at + 1;
		if (seen == 0 && word_take(&table[at].outer, 0, outer)) {
			word_hand_over(&table[at].offset, frame->offset);
			return (uint32_t)at + 1;
		}
	}
	return 0;
}

static uint32_t intern_all(struct memo *memo)
{
	const struct memo_place *places = memo_places(memo);
	uint32_t stack = 0;

	if (shim.header->region[REGION_STACKS].count == 0)
		return 0;
	for (uint32_t i = memo->count; i-- > 0;) {
		stack = intern(stack, &places[i]);
		if (stack == 0) {
			shim_lose(LOSS_STACKS_FULL);
			return 0;
		}
	}
	return stack;
}

/* ---- walking ---- */

static void keep_place(struct memo_place *place, const struct unwind_cursor *cursor)
{
	place->module = SEGMENT_FRAME_NOWHERE;
	place->offset = cursor->pc + 1;
	if (cursor->known) {
		place->module = module_number(&cursor->object);
		if (place->module != SEGMENT_FRAME_NOWHERE)
			place->offset = cursor->pc - module_address(&cursor->object) + 1;
	}
	if (cursor->exact)
		place->offset |= SEGMENT_FRAME_EXACT;
}

static void walk(struct memo *memo, struct stack_caller caller)
{
	struct unwind_cursor cursor;
	bool more = unwind_begin(&cursor, caller.cfa);

	memo->count = 0;
	memo->stack = 0;
	memo->caller = caller;
	memo->thread = (uint64_t)thread_pointer();
	for (; more && memo->count < shim.stack_depth; more = unwind_step(&cursor)) {
		memo->frame[memo->count] = (struct memo_frame){cursor.slot, cursor.pc};
		keep_place(&memo_places(memo)[memo->count], &cursor);
		memo->count++;
	}
	memo->stack = intern_all(memo);
}

/* Whether every return address is still where it was; the key has answered for the first. */
static bool still_holds(const struct memo *memo)
{
	for (uint32_t i = 1; i < memo->count; i++) {
		const struct memo_frame *frame = &memo->frame[i];

		if (!frame->slot ||
		    unwind_strip(*(const volatile uint64_t *)frame->slot) != frame->pc)
			return false;
	}
	return true;
}

static bool is_for(const struct memo *memo, struct stack_caller caller)
{
	return memo->count != 0 && memo->caller.cfa == caller.cfa && memo->caller.pc == caller.pc &&
	       memo->thread == (uint64_t)thread_pointer();
}

uint32_t stack_take(struct stack_caller caller)
{
	uint64_t hash = frame_hash(caller.pc, caller.cfa);

	for (uint32_t way = 0; way < WAYS; way++) {
		struct memo *memo = (void *)(memos + ((hash + way) & (MEMOS - 1)) * memo_bytes());
		uint32_t stack;

		/* The other way is for when this one is another caller's, or in use. */
		if (way + 1 < WAYS && memo->count != 0 && !is_for(memo, caller))
			continue;
		if (!half_take(&memo->busy, 0, 1))
			continue;
		if (!is_for(memo, caller) || !still_holds(memo))
			walk(memo, caller);
		stack = memo->stack;
		half_hand_over(&memo->busy, 0);
		return stack;
	}
	shim_lose(LOSS_STACKS_BUSY);
	return 0;
}
