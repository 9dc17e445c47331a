/* SPDX-License-Identifier: MIT */
/*
 * Walks the calling thread's stack by the unwind tables (.eh_frame) that every module has. It does
 * not use libgcc's unwinder: that would have to be loaded into every program, may take the place of
 * another unwinder, is missing under other libcs, and takes twice as long.
 *
 * No allocation, no lock, no system call. Any thread, any signal handler, under malloc's lock. It
 * takes little stack: its working memory is in the cursor. glibc's _dl_find_object (2.35), which is
 * made for this, finds the modules. Tables may be damaged or wrong: only the segment of the module
 * that holds them, and the stack, are read.
 */
#ifndef MEMSHIM_UNWIND_H
#define MEMSHIM_UNWIND_H

#include "cfi.h"

/*
 * glibc's struct dl_find_object (dlfcn.h, since 2.35), defined here to build with an older glibc.
 */
struct unwind_object {
	unsigned long long int flags;
	void *map_start;
	void *map_end;
	struct link_map *link_map;
	void *eh_frame; /* PT_GNU_EH_FRAME */
	unsigned long long int reserved[7];
};

/* The state of a walk; unwind_begin fills it in. */
struct unwind_cursor {
	uint64_t value[UNWIND_REGISTERS];
	uint64_t pc;
	uint64_t slot; /* the stack address that pc was read from; 0: from no memory */
	/*
	 * The frame pointer that led to `slot`, and the address where that was saved. base_slot is
	 * 0 if the hook's caller has it, or if the stack pointer led there.
	 */
	uint64_t base, base_slot;
	bool sure;            /* `slot` depends only on the stack pointer, or on `base` */
	bool by_callers_base; /* the frame pointer that led to `slot` is the hook's caller's */
	uint64_t cfa;
	uint64_t fp_slot; /* address where value[UNWIND_FP] was saved; 0: it is the hook's caller's
			   */
	struct unwind_span stack, tables;
	struct cfi_common common;    /* the last CIE that was needed: most functions share it */
	struct unwind_object object; /* the loaded file that contains pc, if `known` */
	bool known;
	bool exact; /* pc is not a return address: a signal interrupted there */

	/* Used by one step only. They are here because a signal handler's stack may be small. */
	struct cfi_row row;
	uint64_t inner[UNWIND_REGISTERS]; /* registers before the step */
	union cfi_scratch scratch;
};

/*
 * False where libc cannot find modules: then no stack may be walked. `find` is _dl_find_object,
 * `stack_end` the outer end of the main thread's stack.
 */
bool unwind_set_up(int (*find)(void *pc, struct unwind_object *result), uint64_t stack_end);

/*
 * Moves to the frame outside of the one whose canonical frame address is `cfa`, which is a caller
 * of this function. False when the tables do not lead there.
 */
bool unwind_begin(struct unwind_cursor *cursor, uint64_t cfa);

/* A return address without the bits of pointer authentication. */
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

/* The bytes from `sp` to the outer end of its stack; 0 where that end is not known. */
uint64_t unwind_distance(uint64_t sp);

/*
 * Whether memory can be read without a fault: the program's own stack beyond `sp`, or data of a
 * loaded file. False where that is not known. Usable after unwind_set_up, whatever it returned.
 */
bool unwind_can_read(uint64_t sp, uint64_t address, uint64_t bytes);

/* Moves to the next outer frame. False at the outermost one, and where the tables end. */
bool unwind_step(struct unwind_cursor *cursor);

#endif
