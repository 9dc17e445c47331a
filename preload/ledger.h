/* SPDX-License-Identifier: MIT */
/*
 * The session's System V segments by shmid: creator, number of attaches and detaches, remover. An
 * open-addressing table in the segment that all processes share. Lock-free, and safe in every hook.
 * A full table is a counted loss.
 */
#ifndef MEMSHIM_LEDGER_H
#define MEMSHIM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "segment/layout.h"

/* After a successful shmget. The event must be complete. */
void ledger_named(int shmid, const struct segment_event *event);

/*
 * After a successful shmat, or for an attachment that fork copied. Returns the entry that counted
 * it, for ledger_detached; null: none.
 */
struct segment_entry *ledger_attached(int shmid, uint64_t clock, bool inherited);

/* The size argument of shmget; 0 unknown. */
uint64_t ledger_size(int shmid);

/* After a successful shmdt. `entry` may meanwhile belong to another segment, or be null. */
void ledger_detached(struct segment_entry *entry, int shmid);

/* After a successful IPC_RMID. */
void ledger_removed(int shmid, const struct segment_event *event);

#endif
