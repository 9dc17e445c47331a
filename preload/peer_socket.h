/* SPDX-License-Identifier: MIT */
/* The process's connection to the recorder: see common/registration.h. Registration only. */
#ifndef MEMSHIM_PEER_SOCKET_H
#define MEMSHIM_PEER_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "segment/layout.h"

/*
 * Sends the registration. False where no recorder listens, or this process cannot or must not
 * connect: then the process must wake the recorder, which finds it by itself. `same_pids`: this
 * process sees the recorder by the recorder's own pid, so both are in one pid namespace.
 */
bool registration_send(const struct segment_header *header, uint32_t instance, bool *same_pids);

/* Whether the recorder accepts connections: it does until just before it closes the session. */
bool recorder_listens(const struct segment_header *header);

#endif
