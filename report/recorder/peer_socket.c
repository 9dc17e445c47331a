/* SPDX-License-Identifier: MIT */
#include "report/recorder/peer_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/common/files.h"
#include "preload/common/registration.h"
#include "report/recorder/peer_claims.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* since Linux 6.5; since 6.16 also after the parent has waited */
#endif
#define BACKLOG 4096
#define ACCEPTED_MOST 4096 /* in one turn */
#define TRIALS 16          /* connections accepted to find the one of the child */
#define CHECKS 4 /* connections of a user without a known process of the session, in one turn */
#define OTHER_USERS 32u    /* other users that one turn checks */
#define USERS 32u          /* of one session; the first one is the recorder's own */
#define OWN_CAPACITY 2048u /* claims; each may hold a descriptor */
#define OTHERS_CAPACITY 64u
#define PATIENCE_NS 1000000000ull

struct peer_socket {
	struct peer_socket_options options;
	int by_name, by_path; /* -1 none */
	bool outlasts_peers;
	struct sockaddr_un path;
	uint64_t turn_ns;          /* when the turn began */
	uint32_t other_user_count; /* of this turn */
	struct other_user {
		uid_t uid;
		unsigned checks;
	} other_user[OTHER_USERS];
	uint32_t user_count;
	struct peer_claims user[USERS];
};

static int listen_at(const struct sockaddr_un *address, socklen_t length)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)address, length) == 0) {
		if (listen(fd, BACKLOG) == 0)
			return fd;
		if (length > sizeof(sa_family_t) && address->sun_path[0])
			unlink(address->sun_path);
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* ---- identity ---- */

static bool peer_learn_user(int connection, struct peer *peer)
{
	struct ucred credentials = {0};
	socklen_t length = sizeof credentials;

	*peer = (struct peer){.fd = -1};
	if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
		return false;
	peer->pid = credentials.pid;
	peer->uid = credentials.uid;
	return true;
}

/*
 * Before Linux 6.5, opens the pidfd by pid: of the process that has this pid now, if its parent has
 * not waited.
 */
static void peer_learn_pidfd(int connection, struct peer *peer)
{
	socklen_t length = sizeof peer->fd;

	if (getsockopt(connection, SOL_SOCKET, SO_PEERPIDFD, &peer->fd, &length) == 0)
		return;
	peer->fd = -1;
	if (errno != ENOPROTOOPT || peer->pid <= 0)
		return;
	peer->by_pid = true;
	peer->fd = (int)syscall(SYS_pidfd_open, peer->pid, 0);
}

/* ---- whether SO_PEERPIDFD works after the peer has ended ---- */

/* Finds the child's connection among others: any user may connect at this time. */
static bool finds_pidfd_of(int listener, pid_t child)
{
	for (int i = 0; i < TRIALS; i++) {
		int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		struct peer peer = {.fd = -1};

		if (connection < 0)
			return false;
		if (peer_learn_user(connection, &peer) && peer.pid == child)
			peer_learn_pidfd(connection, &peer);
		close(connection);
		if (peer.fd >= 0)
			close(peer.fd);
		if (peer.pid == child)
			return peer.fd >= 0 && !peer.by_pid;
	}
	return false;
}

/*
 * Tries it out, at an address that the kernel chooses: a child connects and ends, and this process
 * waits for it.
 */
static bool try_outlasting(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = listen_at(&address, sizeof address.sun_family);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof address;
	pid_t child = -1;
	bool found;

	if (listener >= 0 && fd >= 0 &&
	    getsockname(listener, (struct sockaddr *)&address, &length) == 0)
		child = fork();
	if (child == 0)
		_exit(connect(fd, (const struct sockaddr *)&address, length) != 0);
	if (child > 0)
		waitpid(child, NULL, 0);
	found = child > 0 && finds_pidfd_of(listener, child);
	if (fd >= 0)
		close(fd);
	if (listener >= 0)
		close(listener);
	return found;
}

bool peer_socket_outlasts_peers(const struct peer_socket *socket)
{
	return socket->outlasts_peers;
}

/* ---- the users ---- */

static struct peer_claims *user_add(struct peer_socket *socket, uid_t uid, uint32_t capacity)
{
	struct peer_claims *user = &socket->user[socket->user_count];

	if (socket->user_count == USERS || !peer_claims_open(user, uid, capacity))
		return NULL;
	socket->user_count++;
	return user;
}

/* Whether this turn may check one more connection of this user. */
static bool may_check(struct peer_socket *socket, uid_t uid)
{
	uint32_t i = 0;

	while (i < socket->other_user_count && socket->other_user[i].uid != uid)
		i++;
	if (i == OTHER_USERS)
		return false;
	if (i == socket->other_user_count)
		socket->other_user[socket->other_user_count++] = (struct other_user){uid, 0};
	return socket->other_user[i].checks++ < CHECKS;
}

/* Null when the peer is not of the session. */
static struct peer_claims *user_of(struct peer_socket *socket, const struct peer *peer)
{
	for (uint32_t i = 0; i < socket->user_count; i++)
		if (socket->user[i].uid == peer->uid)
			return &socket->user[i];
	if (peer->pid <= 0 || !may_check(socket, peer->uid) ||
	    !socket->options.is_member(socket->options.context, peer->pid))
		return NULL;
	return user_add(socket, peer->uid, OTHERS_CAPACITY);
}

struct peer_socket *peer_socket_open(const struct peer_socket_options *options)
{
	struct peer_socket *s = calloc(1, sizeof *s);
	struct sockaddr_un name;
	socklen_t length = registration_address_by_name(&name, options->session);

	if (!s)
		return NULL;
	s->options = *options;
	s->by_name = listen_at(&name, length);
	length = registration_address_by_path(&s->path, options->path);
	s->by_path = *options->path ? listen_at(&s->path, length) : -1;
	if ((s->by_name >= 0 || s->by_path >= 0) && user_add(s, geteuid(), OWN_CAPACITY)) {
		s->outlasts_peers = try_outlasting();
		return s;
	}
	peer_socket_close(s);
	return NULL;
}

/* ---- the turn ---- */

/* False when no connection is pending, or no descriptor is left for it. */
static bool accept_one(struct peer_socket *socket, int listener)
{
	struct peer_claim claim = {
		.connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)};
	struct peer_claims *user = NULL;

	if (claim.connection < 0)
		return false;
	if (claim.connection < socket->options.descriptors &&
	    peer_learn_user(claim.connection, &claim.peer))
		user = user_of(socket, &claim.peer);
	if (!user || !peer_claims_has_place(user, claim.peer.pid)) {
		close(claim.connection);
		return true;
	}
	peer_learn_pidfd(claim.connection, &claim.peer);
	if (claim.peer.fd >= socket->options.descriptors) {
		close(claim.peer.fd);
		claim.peer.fd = -1;
	}
	claim.since_ns = sys_clock_ns(CLOCK_MONOTONIC);
	peer_claims_add(user, &claim);
	return true;
}

static bool accept_some(struct peer_socket *socket, int listener)
{
	for (int i = 0; listener >= 0 && i < ACCEPTED_MOST && accept_one(socket, listener); i++)
		if (socket->options.must_stop(socket->options.context))
			return false;
	return true;
}

/*
 * The socket with a path comes first: only users that may enter the session's folder can reach it.
 */
bool peer_socket_collect(struct peer_socket *socket)
{
	socket->turn_ns = sys_clock_ns(CLOCK_MONOTONIC);
	socket->other_user_count = 0;
	for (uint32_t i = 0; i < socket->user_count; i++)
		peer_claims_listen(&socket->user[i]);
	return accept_some(socket, socket->by_path) && accept_some(socket, socket->by_name);
}

bool peer_socket_take(struct peer_socket *socket, uint32_t instance, struct peer *peer)
{
	for (uint32_t i = 0; i < socket->user_count; i++)
		if (peer_claims_take(&socket->user[i], instance, peer))
			return true;
	return false;
}

/* A claim of this turn stays, however long that took: its image's slot may be read in the next. */
void peer_socket_drop_old(struct peer_socket *socket)
{
	uint64_t now_ns = sys_clock_ns(CLOCK_MONOTONIC);
	uint64_t until_ns = now_ns < PATIENCE_NS ? 0 : now_ns - PATIENCE_NS;

	if (until_ns > socket->turn_ns)
		until_ns = socket->turn_ns;
	for (uint32_t i = 0; i < socket->user_count; i++)
		peer_claims_drop_old(&socket->user[i], until_ns);
}

void peer_socket_close(struct peer_socket *socket)
{
	for (uint32_t i = 0; i < socket->user_count; i++)
		peer_claims_close(&socket->user[i]);
	if (socket->by_name >= 0)
		close(socket->by_name);
	if (socket->by_path >= 0) {
		close(socket->by_path);
		unlink(socket->path.sun_path);
	}
	free(socket);
}
