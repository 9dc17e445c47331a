/* SPDX-License-Identifier: MIT */
/*
 * The place of a System V segment in region LEDGER. The kernel makes a shmid from an index, which
 * it reuses, and a sequence number (ipc/util.c: IPCMNI_SHIFT, 15). Each index has its own window,
 * in which its generations follow one another. An entry stands outside its window only when present
 * segments fill the window.
 */
#ifndef MEMSHIM_SEGMENT_WINDOW_H
#define MEMSHIM_SEGMENT_WINDOW_H

#include <stdint.h>

#define SEGMENT_LEDGER_PROBES 64u /* probes for one shmid */
#define SEGMENT_LEDGER_WINDOW 4u

/*
 * The first place of the window among `count` places. `count` is a power of two, at least one
 * window.
 */
static inline uint64_t segment_ledger_window(int32_t shmid, uint64_t count)
{
	return ((uint32_t)shmid & 0x7fff) * SEGMENT_LEDGER_WINDOW & (count - 1);
}

/* The place in the window that is probed first for a shmid. */
static inline uint32_t segment_ledger_turn(int32_t shmid)
{
	return ((uint32_t)shmid >> 15) % SEGMENT_LEDGER_WINDOW;
}

/* The place of probe number `probe` for a shmid. */
static inline uint64_t segment_ledger_place(int32_t shmid, uint32_t probe, uint64_t count)
{
	if (probe < SEGMENT_LEDGER_WINDOW)
		probe = (segment_ledger_turn(shmid) + probe) % SEGMENT_LEDGER_WINDOW;
	return (segment_ledger_window(shmid, count) + probe) & (count - 1);
}

#endif
