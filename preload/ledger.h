/* SPDX-License-Identifier: MIT */
/*
 * The session's System V objects: creator, number of attaches and detaches, or of operations,
 * remover. An object is named by segment_object(kind, id). An open-addressing table in the segment
 * that all processes share. Lock-free, and safe in every hook. A full table is a counted loss.
 */
#ifndef MEMSHIM_LEDGER_H
#define MEMSHIM_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "segment/layout.h"
#include "segment/window.h"

/* After a successful shmget, semget or msgget. The event must be complete. */
void ledger_named(uint64_t object, const struct segment_event *event);

/*
 * After a successful shmat, or for an attachment that fork copied. Returns the entry that counted
 * it, for ledger_detached; null: none.
 */
struct segment_entry *ledger_attached(uint64_t object, uint64_t clock, bool inherited);

/* The size argument of shmget; 0 unknown. */
uint64_t ledger_size(uint64_t object);

/* After a successful shmdt. `entry` may meanwhile belong to another segment, or be null. */
void ledger_detached(struct segment_entry *entry, uint64_t object);

/* Whether the session has seen this object, and not its removal. */
bool ledger_is_present(uint64_t object);

/*
 * After a successful semop, semtimedop or msgsnd, or (`received`) msgrcv. Its user is noted as one
 * that attached a segment.
 */
void ledger_operated(uint64_t object, uint64_t clock, bool received);

/* After a successful IPC_RMID. */
void ledger_removed(uint64_t object, const struct segment_event *event);

#endif
