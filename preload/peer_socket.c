/* SPDX-License-Identifier: MIT */
#include "peer_socket.h"

#include <sys/prctl.h>

#include "common/files.h"
#include "common/registration.h"

/* A sandbox may kill for a socket; not for this, or the process would not be here any more. */
static bool is_sandboxed(void)
{
	return raw_call3(SYS_prctl, PR_GET_SECCOMP, 0, 0) != 0;
}

static bool peer_socket_call(int fd, const struct segment_header *header)
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

/* unix(7), SO_PEERCRED: the pid of who listens as it is here, 0 where it is none. */
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
	bool listens;
	int fd;

	if (is_sandboxed())
		return false;
	fd = sys_above_standard(
		(int)raw_call3(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	if (fd < 0)
		return false;
	listens = peer_socket_call(fd, header);
	sys_close(fd);
	return listens;
}

bool registration_send(const struct segment_header *header, uint32_t instance, bool *same_pids)
{
	struct registration_message registration_message = {.instance = instance};
	bool said;
	int fd;

	*same_pids = false;
	if (is_sandboxed())
		return false;
	fd = sys_above_standard(
		(int)raw_call3(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	if (fd < 0)
		return false;
	said = peer_socket_call(fd, header) &&
	       raw_call6(SYS_sendto, fd, (long)&registration_message, sizeof registration_message,
			 MSG_NOSIGNAL, 0, 0) == sizeof registration_message;
	*same_pids = said && peer_socket_listener(fd) == header->recorder_pid;
	sys_close(fd);
	return said;
}
