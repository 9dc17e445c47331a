/* SPDX-License-Identifier: MIT */
/*
 * The attachments of this address space. They are stored twice: in private memory, which fork
 * copies at the same instant as the attachments themselves, and in the segment, where readers find
 * them after a SIGKILL. Entry i of one is entry i of the other.
 *
 * Lock-free. May be used by any thread, by any signal handler, and by children of vfork, which
 * share the address space.
 */
#ifndef MEMSHIM_ATTACHMENTS_H
#define MEMSHIM_ATTACHMENTS_H

#include <stdint.h>

struct attachment;

#define ATTACHMENT_BYTES 64 /* of one entry in private memory */

/*
 * Sets the private memory of the table. Without it, a small table in the library is used. Start-up
 * only.
 */
void attachments_set_memory(void *memory, uint64_t bytes);

/* After a successful shmat. `flags` is its shmflg. */
void attachments_add(int shmid, uint64_t address, uint32_t flags, uint64_t clock);

/*
 * Before a shmdt: takes the attachment at `address`, so that no other thread takes it. Sets its
 * shmid and event flags. Returns null when it is not known. One of the three functions below must
 * follow.
 */
struct attachment *attachments_take(uint64_t address, int *shmid, uint8_t *event_flags);

/* The shmdt failed: the attachment still exists. */
void attachments_keep(struct attachment *attachment);

/* The shmdt succeeded: the ledger counts a detach. */
void attachments_release(struct attachment *attachment);

/* The shmdt found nothing: the attachment had been unmapped without shmdt. */
void attachments_forget(struct attachment *attachment);

/*
 * In a child of fork that has a slot: publishes the inherited attachments as its own. Returns their
 * number.
 */
uint32_t attachments_inherit(void);

#endif
