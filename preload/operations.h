/* SPDX-License-Identifier: MIT */
/*
 * semop, semtimedop, msgsnd and msgrcv, which are counted and not logged: who operated on which
 * object (region USES), and which call has not returned (region WAITS). Lock-free, no system call:
 * any thread, any signal handler. A full table is a counted loss.
 */
#ifndef MEMSHIM_OPERATIONS_H
#define MEMSHIM_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "segment/layout.h"
#include "segment/window.h"

struct sembuf;

/* An operation of semop; `nsops` 0: unknown. */
struct operation {
	uint32_t nsops;
	int32_t semnum; /* -1 unknown */
	int32_t op;
};

/*
 * The only operation of a call that may wait. Reads the caller's memory where that cannot fault:
 * the kernel has not checked it yet. `sp`: the hook's canonical frame address.
 */
struct operation operation_read(const struct sembuf *sops, size_t nsops, uint64_t sp);

/* As segment_wait.operation. */
uint64_t operation_word(const struct operation *operation);

/* A call begins to wait, or seems to. Returns its entry for wait_end; null: there was none. */
struct segment_wait *wait_begin(enum segment_call call, uint64_t object, uint64_t operation,
				uint64_t frame, uint64_t clock);
/* It has returned. */
void wait_end(struct segment_wait *wait);

/* After a successful call; `received`: msgrcv. */
void operation_done(uint64_t object, uint64_t clock, bool received);

#endif
