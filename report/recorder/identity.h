/* SPDX-License-Identifier: MIT */
/*
 * Which process an image is, as the kernel confirms it. The image's slot has a pid, but every
 * process of the session can write to that slot.
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

#endif
