/* SPDX-License-Identifier: MIT */
/*
 * Which process an image is, as far as the kernel confirms it. The image's own row says a pid, but
 * every process of the session may write to that row.
 */
#ifndef MEMSHIM_RECORDER_IDENTITY_H
#define MEMSHIM_RECORDER_IDENTITY_H

#include "report/recorder/registrations.h"

/*
 * Verifies that the image of `arrival` is the process `pid`, by its pidfd, while the process
 * exists. `is_child`: it is this process's own child, and has its pid until it is waited for. Where
 * nothing confirms it, the proof is DRAIN_UNPROVED.
 */
void identity_verify(struct drain_identity *identity, const struct drain *drain,
		     const struct registration *registration, pid_t pid, bool is_child);

#endif
