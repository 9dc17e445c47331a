/* SPDX-License-Identifier: MIT */
/*
 * The recorder's socket: each process that registers connects, sends its instance and goes on. The
 * kernel says which process that was, by SO_PEERPIDFD or by SO_PEERCRED and pidfd_open(2), even
 * after the process has ended. One thread.
 *
 * Anybody on the machine may connect to the abstract name. So a turn accepts a bounded number of
 * connections, a user that is not of the session is turned away before anything is kept, and each
 * user has a bounded room and a bounded number of descriptors.
 */
#ifndef MEMSHIM_RECORDER_PEER_SOCKET_H
#define MEMSHIM_RECORDER_PEER_SOCKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct peer_socket;

struct peer {
	pid_t pid;   /* as seen here; 0: it cannot be seen from here */
	uid_t uid;   /* effective, when it connected */
	int fd;      /* a pidfd, the taker's to close; -1: the kernel gives none */
	bool by_pid; /* the pidfd is of who has the pid now: its start time must be checked */
};

struct peer_socket_options {
	const char *session;
	const char *path; /* "" none */
	int descriptors;  /* descriptors from this number on are the recorder's own */
	/* Whether the turn is to end at once. */
	bool (*must_stop)(void *context);
	/* Whether a process of another user belongs to the session. */
	bool (*is_member)(void *context, pid_t pid);
	void *context;
};

/* Opens the session's sockets. Null with errno set when there is none. */
struct peer_socket *peer_socket_open(const struct peer_socket_options *options);

/* Whether the kernel hands out a peer's pidfd after the peer has been waited for. */
bool peer_socket_outlasts_peers(const struct peer_socket *socket);

/* Accepts what has come, up to a bound. False when it had to stop before. */
bool peer_socket_collect(struct peer_socket *socket);

/* Hands out a peer that said `instance`; false when there is none. There may be several. */
bool peer_socket_take(struct peer_socket *socket, uint32_t instance, struct peer *peer);

/* Forgets the peers that nobody has asked for in a second. */
void peer_socket_drop_old(struct peer_socket *socket);

void peer_socket_close(struct peer_socket *socket);

#endif
