/* SPDX-License-Identifier: MIT */
/*
 * How a process registers with the recorder. Before a process announces itself in region INDEX, it
 * connects to the recorder's socket, sends its instance and continues; it does not wait. The kernel
 * keeps the peer's credentials, also when the recorder accepts the connection after the process has
 * ended and its parent has waited for it. A process that cannot connect is only harder to follow.
 *
 * The recorder listens on two addresses. One is abstract, made from the session's name: a process
 * reaches it from any root directory and with any rights, but only in the recorder's network
 * namespace. The other is a file beside the segment, for processes in another network namespace.
 */
#ifndef MEMSHIM_COMMON_REGISTRATION_H
#define MEMSHIM_COMMON_REGISTRATION_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

/* The whole message. */
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

/* Each fills in the address, and returns its length. */
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
