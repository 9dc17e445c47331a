/* SPDX-License-Identifier: MIT */
/*
 * The recorder's socket: each process that registers connects, sends its instance and goes on. The
 * kernel says which process that was, by SO_PEERPIDFD or by SO_PEERCRED and pidfd_open(2), even
 * after the process has ended. One thread.
 *
 * Any process on the machine can connect to the abstract name. So a turn accepts a bounded number
 * of connections; a connection of a user without a process in the session is closed at once; and
 * each user has a bounded number of claims and of descriptors.
 */
#ifndef MEMSHIM_RECORDER_PEER_SOCKET_H
#define MEMSHIM_RECORDER_PEER_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct peer_socket;

struct peer {
	pid_t pid;   /* in the recorder's pid namespace; 0: not visible in it */
	uid_t uid;   /* effective, when it connected */
	int fd;      /* a pidfd, the caller closes it; -1: the kernel gives none */
	bool by_pid; /* the pidfd was opened by pid: the caller must check the start time */
};

struct peer_socket_options {
	const char *session;
	const char *path; /* "" none */
	int descriptors;  /* descriptors from this number on stay free for the recorder */
	/* Whether the turn must end now. */
	bool (*must_stop)(void *context);
	/* Whether a process of another user belongs to the session. */
	bool (*is_member)(void *context, pid_t pid);
	void *context;
};

/* Opens the session's sockets. Null with errno set when there is none. */
struct peer_socket *peer_socket_open(const struct peer_socket_options *options);

/* Whether the kernel gives a peer's pidfd after the peer's parent has waited. */
bool peer_socket_outlasts_peers(const struct peer_socket *socket);

/* Accepts the waiting connections, up to a bound. False when must_stop ended the turn. */
bool peer_socket_collect(struct peer_socket *socket);

/* Gives a peer that sent `instance`; false when there is none. There may be several. */
bool peer_socket_take(struct peer_socket *socket, uint32_t instance, struct peer *peer);

/* Drops the peers that have waited for a second. */
void peer_socket_drop_old(struct peer_socket *socket);

void peer_socket_close(struct peer_socket *socket);

#endif
