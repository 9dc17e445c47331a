/* SPDX-License-Identifier: MIT */
/*
 * Walks the calling thread's stack by the unwind tables (.eh_frame) that every module carries. Its
 * own walker, not libgcc's: that one would have to be loaded into every program, where it may take
 * another unwinder's place, it is missing under other libcs, and it takes twice as long.
 *
 * No allocation, no lock, no system call; any thread, any signal handler, under malloc's lock.
 * Takes little stack: what a walk needs is in its cursor. Modules are found by glibc's
 * _dl_find_object (2.35), which is made for this. Tables may be damaged, or wrong: nothing is read
 * but the segment of the module that holds them, and the stack.
 */
#ifndef MEMSHIM_UNWIND_H
#define MEMSHIM_UNWIND_H

#include "cfi.h"

/* glibc's struct dl_find_object (dlfcn.h, since 2.35), named here to build with an older one. */
struct unwind_object {
	unsigned long long int flags;
	void *map_start;
	void *map_end;
	struct link_map *link_map;
	void *eh_frame; /* PT_GNU_EH_FRAME */
	unsigned long long int reserved[7];
};

/* How a walk goes on; filled by unwind_begin. */
struct unwind_cursor {
	uint64_t value[UNWIND_REGISTERS];
	uint64_t pc;
	uint64_t slot; /* where on the stack pc lies; 0: in no memory */
	/* The frame pointer that led to `slot`, and where that lay; 0: the hook's caller has it, or
	 * the stack pointer led there. */
	uint64_t base, base_slot;
	bool sure;            /* `slot` is where it is by nothing else */
	bool by_callers_base; /* the frame pointer that led to `slot` is the hook's caller's */
	uint64_t cfa;
	uint64_t fp_slot; /* where value[UNWIND_FP] was saved; 0: it is the hook's caller's */
	struct unwind_span stack, tables;
	struct cfi_common common;    /* the last one that was needed: most code shares it */
	struct unwind_object object; /* the loaded file that pc lies in, if `known` */
	bool known;
	bool exact; /* pc is no return address, but where a signal interrupted */

	/* Of one step only; here because a signal handler's stack may be small. */
	struct cfi_row row;
	uint64_t inner[UNWIND_REGISTERS]; /* registers as they were before the step */
	union cfi_scratch scratch;
};

/*
 * False where libc cannot tell modules: then nothing may be walked. `find` is _dl_find_object,
 * `stack_end` the outer end of the main thread's stack.
 */
bool unwind_set_up(int (*find)(void *pc, struct unwind_object *result), uint64_t stack_end);

/*
 * Goes to the frame outside of the one whose canonical frame address is `cfa`, a caller of this
 * function. False when the tables do not lead there.
 */
bool unwind_begin(struct unwind_cursor *cursor, uint64_t cfa);

/* A return address as it lies on the stack, without what pointer authentication adds. */
static inline uint64_t unwind_strip(uint64_t pc)
{
#if defined(__aarch64__)
	register uint64_t x30 __asm__("x30") = pc;

	__asm__("hint #7" : "+r"(x30)); /* xpaclri */
	return x30;
#else
	return pc;
#endif
}

/* From `sp` to the outer end of its stack; 0 where that is not known. */
uint64_t unwind_distance(uint64_t sp);

/* To the next outer frame; false at the outermost one, and where the tables end. */
bool unwind_step(struct unwind_cursor *cursor);

#endif
