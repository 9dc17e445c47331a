/* SPDX-License-Identifier: MIT */
/*
 * Which process an image is, as the kernel confirms it, and how it ended. The image's slot has a
 * pid, but every process of the session can write to that slot.
 */
#ifndef MEMSHIM_RECORDER_IDENTITY_H
#define MEMSHIM_RECORDER_IDENTITY_H

#include "report/recorder/registrations.h"

/*
 * Verifies by the pidfd that the image of `registration` is the process `pid`, while the process
 * exists. `is_child`: it is the recorder's own child, and keeps its pid until wait(2). Without a
 * confirmation the proof is DRAIN_UNPROVED.
 */
void identity_verify(struct drain_identity *identity, const struct drain *drain,
		     const struct registration *registration, pid_t pid, bool is_child);

/*
 * Keeps in the recording which process an image is, and how it ended (`end` null: it has not). Rows
 * are gathered: drain_flush_identities writes several as one chunk. A short process needs one row,
 * which already has its end.
 */
void drain_identify(struct drain *drain, uint32_t instance, const struct drain_identity *identity,
		    const struct drain_identity_end *end);
void drain_flush_identities(struct drain *drain);

enum ending {
	ENDING_KNOWN,
	ENDING_LATER, /* once its parent has waited: the pidfd has EPOLLHUP then */
	ENDING_NEVER,
};

/*
 * Asks how the process `pid` (start_time: proc(5) stat field 22, 0 unknown) ended that is not the
 * recorder's child; `fd`: its pidfd, or -1. *wait_status: as wait(2) has it. The surest source that
 * answers is used:
 * - a zombie: stat field 52, if this user has ptrace access to the process.
 * - after its parent has waited: the pidfd, on Linux 6.15 and later, if it was opened before, or,
 *   on Linux 6.16 and later, if the process had connected to the peer socket.
 */
enum ending ending_ask(pid_t pid, uint64_t start_time, int fd, int *wait_status);

#endif
