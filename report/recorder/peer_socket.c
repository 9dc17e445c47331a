/* SPDX-License-Identifier: MIT */
#include "report/recorder/peer_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/common/files.h"
#include "preload/common/registration.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* since Linux 6.5; since 6.16 of one that has been waited for, too */
#endif
#define BACKLOG 4096
/* Who calls and never registers, or was found before it was heard, must not hold up the others. */
#define ROOM 4096u
#define PATIENCE_NS 1000000000ull

struct caller {
	struct caller *next;
	struct greeter who;
	uint64_t since_ns;
	uint32_t instance;
	int connection; /* -1: it has said its instance */
};

struct greetings {
	int by_name, by_path; /* sockets; -1 none */
	bool outlast_callers;
	struct sockaddr_un path;
	unsigned count;
	struct caller *callers;
};

static int listen_at(const struct sockaddr_un *address, socklen_t length)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)address, length) == 0) {
		if (listen(fd, BACKLOG) == 0)
			return fd;
		if (address->sun_path[0])
			unlink(address->sun_path);
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

static void learn_who(struct caller *caller)
{
	struct ucred credentials = {0};
	socklen_t length = sizeof credentials;

	getsockopt(caller->connection, SOL_SOCKET, SO_PEERCRED, &credentials, &length);
	length = sizeof caller->who.fd;
	if (getsockopt(caller->connection, SOL_SOCKET, SO_PEERPIDFD, &caller->who.fd, &length) != 0)
		caller->who.fd = -1;
	caller->who.pid = credentials.pid;
	caller->who.uid = credentials.uid;
}

/* By a trial: a child calls, ends, and is waited for. */
static bool try_outlasting(int listener, const struct sockaddr_un *address, socklen_t length)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct caller caller = {.who.fd = -1};
	pid_t child = fd < 0 ? -1 : fork();

	if (child == 0)
		_exit(connect(fd, (const struct sockaddr *)address, length) != 0);
	if (fd >= 0)
		close(fd);
	if (child > 0)
		waitpid(child, NULL, 0);
	caller.connection = child < 0 ? -1 : accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (caller.connection >= 0) {
		learn_who(&caller);
		close(caller.connection);
	}
	if (caller.who.fd >= 0)
		close(caller.who.fd);
	return caller.who.fd >= 0 && caller.who.pid == child;
}

bool greetings_outlast_callers(const struct greetings *g)
{
	return g->outlast_callers;
}

struct greetings *greetings_open(const char *session, const char *path)
{
	struct greetings *g = calloc(1, sizeof *g);
	struct sockaddr_un name;
	socklen_t length = greeting_by_name(&name, session);

	if (!g)
		return NULL;
	g->by_name = listen_at(&name, length);
	g->outlast_callers = g->by_name >= 0 && try_outlasting(g->by_name, &name, length);
	length = greeting_by_path(&g->path, path);
	g->by_path = *path ? listen_at(&g->path, length) : -1;
	if (g->by_name >= 0 || g->by_path >= 0)
		return g;
	greetings_close(g);
	return NULL;
}

static bool accept_one(struct greetings *g, int fd)
{
	int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct caller *caller = NULL;

	if (connection < 0)
		return false;
	if (g->count < ROOM)
		caller = calloc(1, sizeof *caller);
	if (!caller) {
		close(connection);
		return true;
	}
	caller->connection = connection;
	caller->since_ns = place_ns(CLOCK_MONOTONIC);
	learn_who(caller);
	caller->next = g->callers;
	g->callers = caller;
	g->count++;
	return true;
}

static void forget(struct greetings *g, struct caller **place)
{
	struct caller *caller = *place;

	*place = caller->next;
	g->count--;
	if (caller->connection >= 0)
		close(caller->connection);
	free(caller);
}

/* False when it will never say anything: it died on the way, or is no process of the session. */
static bool listen_to(struct caller *caller)
{
	struct greeting greeting;
	ssize_t got;

	if (caller->connection < 0)
		return true;
	got = recv(caller->connection, &greeting, sizeof greeting, 0);
	if (got < 0 && errno == EAGAIN)
		return true;
	if (got != sizeof greeting)
		return false;
	close(caller->connection);
	caller->connection = -1;
	caller->instance = greeting.instance;
	return true;
}

static void drop(struct greetings *g, struct caller **place)
{
	if ((*place)->who.fd >= 0)
		close((*place)->who.fd);
	forget(g, place);
}

void greetings_collect(struct greetings *g)
{
	struct caller **place = &g->callers;

	while (accept_one(g, g->by_name) || accept_one(g, g->by_path))
		;
	while (*place) {
		if (listen_to(*place))
			place = &(*place)->next;
		else
			drop(g, place);
	}
}

void greetings_drop_old(struct greetings *g)
{
	uint64_t now_ns = place_ns(CLOCK_MONOTONIC);
	struct caller **place = &g->callers;

	while (*place) {
		if (now_ns - (*place)->since_ns < PATIENCE_NS)
			place = &(*place)->next;
		else
			drop(g, place);
	}
}

bool greetings_take(struct greetings *g, uint32_t instance, struct greeter *greeter)
{
	for (struct caller **place = &g->callers; *place; place = &(*place)->next) {
		if ((*place)->connection >= 0 || (*place)->instance != instance)
			continue;
		*greeter = (*place)->who;
		forget(g, place);
		return true;
	}
	return false;
}

void greetings_close(struct greetings *g)
{
	while (g->callers)
		drop(g, &g->callers);
	if (g->by_name >= 0)
		close(g->by_name);
	if (g->by_path >= 0) {
		close(g->by_path);
		unlink(g->path.sun_path);
	}
	free(g);
}
