/* SPDX-License-Identifier: MIT */
/*
 * The session's segments, by shmid: who named them, how often attached and detached, removed by
 * whom. An open-addressing table in the segment that all processes share; lock-free, and safe
 * wherever a hook is. A full table is a counted loss.
 */
#ifndef MEMSHIM_LEDGER_H
#define MEMSHIM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "segment/layout.h"

/* After a successful shmget; the event is complete. */
void ledger_named(int shmid, const struct segment_event *event);

/*
 * After a successful shmat, or for an attachment that fork copied. Returns where it was counted,
 * for the detach; null: nowhere.
 */
struct segment_entry *ledger_attached(int shmid, uint64_t clock, bool inherited);

/* As it was asked of shmget; 0 unknown. */
uint64_t ledger_size(int shmid);

/* After a successful shmdt; `entry` may be another segment's meanwhile, or null. */
void ledger_detached(struct segment_entry *entry, int shmid);

/* After a successful IPC_RMID. */
void ledger_removed(int shmid, const struct segment_event *event);

#endif
