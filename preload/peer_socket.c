/* SPDX-License-Identifier: MIT */
#include "peer_socket.h"

#include <sys/prctl.h>

#include "common/files.h"
#include "common/registration.h"

/* A seccomp filter may kill a process that creates a socket, so a filtered process creates none. */
static bool is_sandboxed(void)
{
	return raw_call3(SYS_prctl, PR_GET_SECCOMP, 0, 0) != 0;
}

static bool peer_socket_connect(int fd, const struct segment_header *header)
{
	struct sockaddr_un address;
	socklen_t length = registration_address_by_name(&address, header->session);

	if (raw_call3(SYS_connect, fd, (long)&address, (long)length) == 0)
		return true;
	if (!header->registration_path[0])
		return false;
	length = registration_address_by_path(&address, header->registration_path);
	return raw_call3(SYS_connect, fd, (long)&address, (long)length) == 0;
}

/* A connection to the recorder; -1: it does not listen, or this process may not ask. */
static int peer_socket_reach(const struct segment_header *header)
{
	int fd;

	if (is_sandboxed())
		return -1;
	fd = sys_above_standard(
		(int)raw_call3(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	if (fd < 0 || peer_socket_connect(fd, header))
		return fd;
	sys_close(fd);
	return -1;
}

/*
 * The pid of the listening process as it is in this pid namespace, unix(7), SO_PEERCRED; 0 where it
 * has none here.
 */
static int32_t peer_socket_listener(int fd)
{
	struct ucred who = {.pid = 0};
	socklen_t length = sizeof who;

	if (raw_call6(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, (long)&who, (long)&length, 0) !=
	    0)
		return 0;
	return who.pid;
}

bool recorder_listens(const struct segment_header *header)
{
	int fd = peer_socket_reach(header);

	if (fd >= 0)
		sys_close(fd);
	return fd >= 0;
}

bool registration_send(const struct segment_header *header, uint32_t instance, bool *same_pids)
{
	struct registration_message message = {.instance = instance};
	int fd = peer_socket_reach(header);
	bool sent;

	*same_pids = false;
	if (fd < 0)
		return false;
	sent = raw_call6(SYS_sendto, fd, (long)&message, sizeof message, MSG_NOSIGNAL, 0, 0) ==
	       sizeof message;
	*same_pids = sent && peer_socket_listener(fd) == header->recorder_pid;
	sys_close(fd);
	return sent;
}
