/* SPDX-License-Identifier: MIT */
/*
 * Where in region LEDGER a segment stands. The kernel makes a shmid from an index, which it gives
 * out again, and a sequence number (ipc/util.c: IPCMNI_SHIFT, 15). Each index has a window of its
 * own, where its generations follow one another; only where a window is full of present segments
 * one stands further on.
 */
#ifndef MEMSHIM_SEGMENT_WINDOW_H
#define MEMSHIM_SEGMENT_WINDOW_H

#include <stdint.h>

#define SEGMENT_LEDGER_PROBES 64u /* places that are looked at for one shmid */
#define SEGMENT_LEDGER_WINDOW 4u

/* Where the window begins, of `count` places, a power of two and at least a window. */
static inline uint64_t segment_ledger_window(int32_t shmid, uint64_t count)
{
	return ((uint32_t)shmid & 0x7fff) * SEGMENT_LEDGER_WINDOW & (count - 1);
}

/* The place in its window at which a shmid is looked for first. */
static inline uint32_t segment_ledger_turn(int32_t shmid)
{
	return ((uint32_t)shmid >> 15) % SEGMENT_LEDGER_WINDOW;
}

/* Where probe number `probe` for a shmid is. */
static inline uint64_t segment_ledger_place(int32_t shmid, uint32_t probe, uint64_t count)
{
	if (probe < SEGMENT_LEDGER_WINDOW)
		probe = (segment_ledger_turn(shmid) + probe) % SEGMENT_LEDGER_WINDOW;
	return (segment_ledger_window(shmid, count) + probe) & (count - 1);
}

#endif
