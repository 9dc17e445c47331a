/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>

#include "common/raw.h"
#include "libc.h"
#include "module.h"
#include "thread.h"
#include "unwind.h"

#define MEMOS_MOST 512u /* a power of two */
#define MEMOS_LEAST 4u
#define WAYS 2u
#define PROBES 32u
#define NEW_CUT_MOST 64u
#define WALKER_MEMOS 8u /* memos for each walker */

/* A word of the stack that must be unchanged: a return address, or a saved frame pointer. */
struct memo_check {
	uint64_t slot;
	uint64_t value;
};

/* A frame as region STACKS stores it: see struct segment_frame. */
struct memo_place {
	uint64_t offset;
	uint32_t module; /* number + 1 */
};

/* The members that each comparison reads are adjacent, for the cache. The places follow `check`. */
struct memo {
	_Atomic uint32_t busy;
	uint32_t count; /* of checks; 0: the memo holds no stack */
	struct stack_caller caller;
	uint64_t thread;
	uint64_t generation; /* of loaded files */
	uint64_t fp_mask;    /* applied to caller.fp: 0 when it determined the place of no frame */
	uint32_t stack;
	uint32_t frame_count;
	struct memo_check check[];
};

/*
 * The working memory of one walk. It is not on the stack, because a signal handler may have little
 * stack. Each walking thread takes one, usually the same one each time.
 */
struct __attribute__((aligned(64))) walker {
	_Atomic uint32_t busy;
	uint32_t last_number;   /* of the file that the last frame lay in, + 1 */
	const void *last_start; /* map start of that file; null: no frame yet */
	struct unwind_cursor cursor;
	struct segment_module module;
};

static char *memos; /* memo_bytes() each; the walkers follow */
static uint64_t memo_count = MEMOS_MOST;
static struct walker *walkers;

/* For the thread that walks first. On a page that the loader has already touched. */
static struct walker first_walker __attribute__((section(".data")));
static _Atomic uint64_t first_thread __attribute__((section(".data")));
static _Atomic uint64_t deepest_bytes __attribute__((section(".data"))); /* of cut stacks */
static _Atomic uint64_t new_cut_count __attribute__((section(".data")));

static inline uint64_t memo_bytes(void)
{
	return sizeof(struct memo) +
	       shim.stack_depth * (2 * sizeof(struct memo_check) + sizeof(struct memo_place));
}

/* The bytes before the walkers. */
static inline uint64_t memos_bytes(void)
{
	uint64_t line = _Alignof(struct walker);

	return (memo_count * memo_bytes() + line - 1) / line * line;
}

static inline uint64_t walker_count(void)
{
	return memo_count > WALKER_MEMOS ? memo_count / WALKER_MEMOS : 1;
}

static inline uint64_t working_bytes(void)
{
	return memos_bytes() + walker_count() * sizeof(struct walker);
}

static inline struct memo_place *memo_places(struct memo *memo)
{
	return (struct memo_place *)(memo->check + 2 * shim.stack_depth);
}

void stack_set_up(const struct link_map *libc, const struct link_map *loader)
{
	char *find = libc_find_symbol(libc, "_dl_find_object").address;
	char *end = libc_find_symbol(loader, "__libc_stack_end").address;
	bool can_find = unwind_set_up((int (*)(void *, struct unwind_object *))(void *)find,
				      end ? *(const uint64_t *)end : 0);
	uint32_t depth = shim.header->stack_depth;
	long at;

	if (depth == 0)
		return;
	if (depth > SEGMENT_STACK_DEPTH_MAX)
		depth = SEGMENT_STACK_DEPTH_MAX;
	shim.stack_depth = depth;
	while (memo_count > MEMOS_LEAST && working_bytes() > shim.spare_bytes)
		memo_count /= 2;
	at = raw_call6(SYS_mmap, 0, (long)working_bytes(), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (raw_failed(at) || !can_find) {
		shim.stack_depth = 0;
		shim.no_stacks = true;
		return;
	}
	memos = (char *)at;
	walkers = (struct walker *)(memos + memos_bytes());
	module_set_up(loader);
}

/* ---- region STACKS ---- */

static uint64_t frame_hash(uint64_t outer, uint64_t offset)
{
	uint64_t hash = (outer ^ offset << 20 ^ offset) * 0x9e3779b97f4a7c15u;

	return hash ^ hash >> 32;
}

/* Finds or adds a frame: its index + 1; 0 when there is no room. `is_new`: it was added. */
static uint32_t stack_intern(uint32_t parent, const struct memo_place *frame, bool *is_new)
{
	struct segment_frame *table = shim_region(REGION_STACKS);
	uint64_t count = shim.header->region[REGION_STACKS].count;
	uint64_t outer = (uint64_t)parent << 32 | frame->module;
	uint64_t hash = frame_hash(outer, frame->offset);

	*is_new = false;
	for (uint32_t i = 0; i < PROBES; i++) {
		uint64_t at = (hash + i) % count;
		uint64_t seen = word_load(&table[at].outer);

		/* Skip a frame whose offset is still missing: its writer may have died. */
		if (seen == outer && word_accept(&table[at].offset) == frame->offset)
			return (uint32_t)at + 1;
		if (seen == 0 && word_take(&table[at].outer, 0, outer)) {
			word_hand_over(&table[at].offset, frame->offset);
			*is_new = true;
			return (uint32_t)at + 1;
		}
	}
	return 0;
}

/* `is_new`: the innermost frame was added. */
static uint32_t stack_intern_all(struct memo *memo, bool *is_new)
{
	const struct memo_place *places = memo_places(memo);
	uint32_t stack = 0;

	*is_new = false;
	if (shim.header->region[REGION_STACKS].count == 0)
		return 0;
	for (uint32_t i = memo->frame_count; i-- > 0;) {
		stack = stack_intern(stack, &places[i], is_new);
		if (stack == 0) {
			shim_lose(LOSS_STACKS_FULL);
			return 0;
		}
	}
	return stack;
}

/* ---- walking ---- */

static bool walker_take(struct walker *walker)
{
	return half_load(&walker->busy) == 0 && half_take(&walker->busy, 0, 1);
}

/*
 * Takes a walker; null when all are in use. A signal handler that interrupted a walk finds the
 * thread's own walker in use, and takes another one.
 */
static struct walker *walker_find(void)
{
	uint64_t thread = (uint64_t)thread_pointer(), home = frame_hash(thread, 0);
	uint64_t owner = word_load(&first_thread), count = walker_count();

	if ((owner == thread || (owner == 0 && word_take(&first_thread, 0, thread))) &&
	    walker_take(&first_walker))
		return &first_walker;
	for (uint64_t i = 0; i < count; i++)
		if (walker_take(&walkers[(home + i) % count]))
			return &walkers[(home + i) % count];
	return NULL;
}

/* Stores the frame's place. False when its file found no room in the tables. */
static bool memo_keep_place(struct memo_place *place, struct walker *walker, uint64_t generation)
{
	const struct unwind_cursor *cursor = &walker->cursor;

	place->module = SEGMENT_FRAME_NOWHERE;
	place->offset = (cursor->pc + 1) & SEGMENT_FRAME_OFFSET;
	if (cursor->known) {
		if (walker->last_start != cursor->object.map_start) {
			walker->last_start = cursor->object.map_start;
			walker->last_number = module_number(&cursor->object, generation,
							    &walker->module);
		}
		place->module = walker->last_number;
		if (place->module != SEGMENT_FRAME_NOWHERE)
			place->offset = (cursor->pc - module_address(&cursor->object) + 1) &
					SEGMENT_FRAME_OFFSET;
	}
	if (cursor->exact)
		place->offset |= SEGMENT_FRAME_EXACT;
	return !cursor->known || place->module != SEGMENT_FRAME_NOWHERE;
}

static void memo_keep_checks(struct memo *memo, const struct unwind_cursor *cursor)
{
	if (cursor->base_slot)
		memo->check[memo->count++] = (struct memo_check){cursor->base_slot, cursor->base};
	memo->check[memo->count++] = (struct memo_check){cursor->slot, cursor->pc};
}

/*
 * Counts the frames of a cut stack, for the reader's advice. This takes time, so it is done only
 * for the first few new stacks, and for a stack that takes more bytes than all before it.
 */
SELDOM static void stack_count_frames(struct unwind_cursor *cursor, uint32_t count)
{
	for (count++; count <= SEGMENT_STACK_DEPTH_MAX && unwind_step(cursor); count++)
		;
	half_raise(&shim.shared->deepest_stack, count);
}

static void stack_note_depth(struct unwind_cursor *cursor, const struct memo *memo, bool is_new)
{
	uint64_t bytes = unwind_distance(memo->caller.cfa);

	if (bytes <= word_load(&deepest_bytes) &&
	    !(is_new && counter_next(&new_cut_count) <= NEW_CUT_MOST))
		return;
	word_raise(&deepest_bytes, bytes);
	if (half_load(&shim.shared->deepest_stack) <= SEGMENT_STACK_DEPTH_MAX)
		stack_count_frames(cursor, memo->frame_count);
}

static void stack_walk(struct memo *memo, const struct stack_caller *caller, uint64_t generation,
		       struct walker *walker)
{
	struct memo_place *place = memo_places(memo);
	struct unwind_cursor *cursor = &walker->cursor;
	bool more = unwind_begin(cursor, caller->cfa), sure = true, placed = true, is_new;

	walker->last_start = NULL;
	memo->count = memo->frame_count = 0;
	memo->fp_mask = 0;
	memo->caller = *caller;
	memo->thread = (uint64_t)thread_pointer();
	memo->generation = generation;
	while (more && memo->frame_count < shim.stack_depth) {
		if (memo->frame_count == 0) /* the key of the memo covers it */
			cursor->sure = true, cursor->base_slot = 0;
		sure &= cursor->sure && cursor->slot;
		memo_keep_checks(memo, cursor);
		placed &= memo_keep_place(&place[memo->frame_count], walker, generation);
		memo->frame_count++;
		more = unwind_step(cursor);
		if (more && cursor->by_callers_base)
			memo->fp_mask = ~0ull;
		/*
		 * The frame was interrupted by a signal: it begins at this address, and was not
		 * called.
		 */
		if (more && cursor->exact)
			place[memo->frame_count - 1].offset |= SEGMENT_FRAME_EXACT;
	}
	if (more)
		place[memo->frame_count - 1].offset |= SEGMENT_FRAME_CUT;
	memo->stack = stack_intern_all(memo, &is_new);
	if (more)
		stack_note_depth(cursor, memo, is_new);
	if (!placed && memo->stack)
		shim_lose(LOSS_STACKS_FULL);
	if (!sure)
		memo->count = 0;
}

static uint32_t stack_walk_again(struct memo *memo, const struct stack_caller *caller,
				 uint64_t generation)
{
	struct walker *walker = walker_find();

	if (!walker) {
		shim_lose(LOSS_STACKS_BUSY);
		return 0;
	}
	stack_walk(memo, caller, generation, walker);
	half_hand_over(&walker->busy, 0);
	return memo->stack;
}

/* Whether every return address is unchanged. The key covers the first one. */
static bool memo_still_holds(const struct memo *memo)
{
	for (uint32_t i = 1; i < memo->count; i++) {
		const struct memo_check *check = &memo->check[i];

		if (unwind_strip(*(const volatile uint64_t *)check->slot) != check->value)
			return false;
	}
	return true;
}

static bool memo_is_for(const struct memo *memo, const struct stack_caller *caller)
{
	return memo->count != 0 && memo->caller.cfa == caller->cfa &&
	       memo->caller.pc == caller->pc &&
	       ((memo->caller.fp ^ caller->fp) & memo->fp_mask) == 0 &&
	       memo->thread == (uint64_t)thread_pointer();
}

uint32_t stack_take(const struct stack_caller *caller)
{
	uint64_t hash = frame_hash(caller->pc, caller->cfa), generation = module_generation();

	for (uint32_t tries = 0; tries < 2 * WAYS - 1; tries++) {
		uint64_t place = (hash + tries % WAYS) & (memo_count - 1);
		struct memo *memo = (void *)(memos + place * memo_bytes());
		uint32_t stack;

		/*
		 * Tries the other ways when this one belongs to another caller, or is in use. If
		 * the last one is in use too, it overwrites a memo of another caller.
		 */
		if (tries + 1 < WAYS && memo->count != 0 && !memo_is_for(memo, caller))
			continue;
		if (!half_take(&memo->busy, 0, 1))
			continue;
		stack = memo_is_for(memo, caller) && memo->generation == generation &&
					memo_still_holds(memo)
				? memo->stack
				: stack_walk_again(memo, caller, generation);
		half_hand_over(&memo->busy, 0);
		return stack;
	}
	shim_lose(LOSS_STACKS_BUSY);
	return 0;
}
