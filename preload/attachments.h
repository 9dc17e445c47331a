/* SPDX-License-Identifier: MIT */
/*
 * What this address space has attached. Kept twice: in private memory, which fork copies at the
 * very instant at which it copies the attachments themselves, and in the segment, where readers
 * find it after a SIGKILL. Entry i of one is entry i of the other.
 *
 * Lock-free; any thread, any signal handler, and children of vfork, which share the address space.
 */
#ifndef MEMSHIM_ATTACHMENTS_H
#define MEMSHIM_ATTACHMENTS_H

#include <stdint.h>

struct attachment;

#define ATTACHMENT_BYTES 64 /* of one in the private room */

/* Gives the table its private room; without it a small one in the library serves. Start-up only. */
void attachments_set_room(void *room, uint64_t bytes);

/* After a successful shmat; flags are its shmflg. */
void attachments_add(int shmid, uint64_t address, uint32_t flags, uint64_t clock);

/*
 * Before a shmdt: takes the attachment at `address`, so that no other thread takes it too. Sets its
 * shmid and event flags; null when it is not known. Then one of the three below.
 */
struct attachment *attachments_take(uint64_t address, int *shmid, uint8_t *event_flags);

/* The shmdt failed: it is there still. */
void attachments_keep(struct attachment *attachment);

/* The shmdt succeeded. */
void attachments_release(struct attachment *attachment);

/* There was nothing to detach: it had gone without a call. */
void attachments_forget(struct attachment *attachment);

/* In a child of fork, once it has a slot: what it inherited, published as its own. Returns the
 * count. */
uint32_t attachments_inherit(void);

#endif
