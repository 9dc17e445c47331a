/* SPDX-License-Identifier: MIT */
/* The process's call on its recorder: see segment/greeting.h. Registration only. */
#ifndef MEMSHIM_PEER_SOCKET_H
#define MEMSHIM_PEER_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "segment/layout.h"

/*
 * False where there is nobody, no way, or no leave: the recorder must be woken to find the process
 * by itself. `same_pids`: it is seen here by its own pid, so both are in one pid namespace.
 */
bool registration_send(const struct segment_header *header, uint32_t instance, bool *same_pids);

/* Whether the recorder takes calls: it does until right before it closes the session. */
bool recorder_listens(const struct segment_header *header);

#endif
