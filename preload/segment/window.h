/* SPDX-License-Identifier: MIT */
/*
 * The place of a System V object in region LEDGER. The kernel makes an id from an index, which it
 * reuses, and a sequence number (ipc/util.c: IPCMNI_SHIFT, 15). Each index has its own window, in
 * which its generations follow one another; the windows of each kind begin elsewhere. An entry
 * stands outside its window only when present objects fill the window.
 */
#ifndef MEMSHIM_SEGMENT_WINDOW_H
#define MEMSHIM_SEGMENT_WINDOW_H

#include <stdint.h>

#define SEGMENT_LEDGER_PROBES 64u /* probes for one id */
#define SEGMENT_LEDGER_WINDOW 4u
#define SEGMENT_LEDGER_KINDS 683u /* windows between the first ones of two kinds */

/* An object in one word; with the state in its lowest byte: segment_entry.claim. */
static inline uint64_t segment_object(uint32_t kind, int32_t id)
{
	return (uint64_t)(uint32_t)id << 32 | kind << 8;
}

/*
 * The first place of the window among `count` places. `count` is a power of two, at least one
 * window.
 */
static inline uint64_t segment_ledger_window(uint64_t object, uint64_t count)
{
	return ((object >> 32 & 0x7fff) + (object >> 8 & 0xff) * SEGMENT_LEDGER_KINDS) *
		       SEGMENT_LEDGER_WINDOW &
	       (count - 1);
}

/* The place in the window that is probed first for an object. */
static inline uint32_t segment_ledger_turn(uint64_t object)
{
	return (uint32_t)(object >> (32 + 15)) % SEGMENT_LEDGER_WINDOW;
}

/* The place of probe number `probe` for an object. */
static inline uint64_t segment_ledger_place(uint64_t object, uint32_t probe, uint64_t count)
{
	if (probe < SEGMENT_LEDGER_WINDOW)
		probe = (segment_ledger_turn(object) + probe) % SEGMENT_LEDGER_WINDOW;
	return (segment_ledger_window(object, count) + probe) & (count - 1);
}

#endif
