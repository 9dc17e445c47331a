/* SPDX-License-Identifier: MIT */
/*
 * How the recorder comes to know each process for good. Before a process announces itself in region
 * INDEX it calls on the recorder's socket, leaves its instance there and goes on; nobody waits. The
 * kernel remembers who called, also when the recorder takes the call after the caller has ended and
 * its parent has waited for it. A caller that cannot get through is only harder to follow.
 *
 * The socket has an abstract name, made of the session's: no file is left behind by anybody.
 */
#ifndef MEMSHIM_SEGMENT_GREETING_H
#define MEMSHIM_SEGMENT_GREETING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* All that a caller says. */
struct greeting {
	uint32_t instance;
};

/* Fills in where to call for the session of that name; returns the address's length. */
static inline socklen_t greeting_address(struct sockaddr_un *address, const char *session)
{
	static const char folder[] = "memshim/";
	size_t used = 1;

	address->sun_family = AF_UNIX;
	address->sun_path[0] = '\0';
	for (const char *at = folder; *at; at++)
		address->sun_path[used++] = *at;
	while (*session && used < sizeof address->sun_path)
		address->sun_path[used++] = *session++;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + used);
}

#endif
