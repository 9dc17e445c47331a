/* SPDX-License-Identifier: MIT */
/*
 * How the recorder comes to know each process for good. Before a process announces itself in region
 * INDEX it calls on the recorder's socket, leaves its instance there and goes on; nobody waits. The
 * kernel remembers who called, also when the recorder takes the call after the caller has ended and
 * its parent has waited for it. A caller that cannot get through is only harder to follow.
 *
 * The recorder listens under two names. One is abstract, made of the session's: a process finds it
 * in any root folder and with any rights, but only in the recorder's network namespace. The other
 * is a file beside the segment, for those in another one.
 */
#ifndef MEMSHIM_COMMON_REGISTRATION_H
#define MEMSHIM_COMMON_REGISTRATION_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* All that a caller says. */
struct registration_message {
	uint32_t instance;
};

static inline socklen_t registration_append(struct sockaddr_un *address, size_t used,
					    const char *text)
{
	for (; *text && used < sizeof address->sun_path - 1; text++)
		address->sun_path[used++] = *text;
	address->sun_path[used] = '\0';
	return (socklen_t)used;
}

/* Each fills in where to call, and returns the address's length. */
static inline socklen_t registration_address_by_name(struct sockaddr_un *address,
						     const char *session)
{
	socklen_t used;

	address->sun_family = AF_UNIX;
	address->sun_path[0] = '\0';
	used = registration_append(address, 1, "memshim/");
	used = registration_append(address, used, session);
	return (socklen_t)offsetof(struct sockaddr_un, sun_path) + used;
}

static inline socklen_t registration_address_by_path(struct sockaddr_un *address, const char *path)
{
	address->sun_family = AF_UNIX;
	return (socklen_t)offsetof(struct sockaddr_un, sun_path) +
	       registration_append(address, 0, path) + 1;
}

#endif
