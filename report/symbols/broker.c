/* SPDX-License-Identifier: MIT */
#include "report/symbols/broker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/symbols/sandbox.h"

static struct broker {
	int socket;
	uint64_t handed_bytes;
	struct answer wanted;
	struct handed handed;
} broker;

void broker_begin(int socket)
{
	broker.socket = socket;
}

uint64_t broker_handed_bytes(void)
{
	return broker.handed_bytes;
}

uint64_t broker_real_bytes(int fd)
{
	struct stat st;
	uint64_t whole, on_disk;

	if (fstat(fd, &st) != 0 || st.st_size < 0)
		return 0;
	whole = (uint64_t)st.st_size;
	on_disk = (uint64_t)st.st_blocks * 512;
	return on_disk < whole ? on_disk : whole;
}

static int broker_receive(void)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {&broker.handed, sizeof broker.handed};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof control};
	struct cmsghdr *head;
	int fd;

	if (recvmsg(broker.socket, &message, MSG_CMSG_CLOEXEC) != sizeof broker.handed)
		_exit(SANDBOX_EXIT_LOST);
	head = CMSG_FIRSTHDR(&message);
	if (broker.handed.error || !head || head->cmsg_type != SCM_RIGHTS)
		return broker.handed.error ? -broker.handed.error : -EIO;
	memcpy(&fd, CMSG_DATA(head), sizeof fd);
	broker.handed_bytes += broker_real_bytes(fd);
	sandbox_allow_bytes(broker.handed_bytes);
	return fd;
}

static int broker_ask(const char *text)
{
	size_t bytes = strlen(text) + 1;

	if (bytes > PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(broker.wanted.text, text, bytes);
	broker.wanted.text_bytes = (uint32_t)bytes;
	if (send(broker.socket, &broker.wanted, ANSWER_HEAD_BYTES + bytes, MSG_NOSIGNAL) < 0)
		_exit(SANDBOX_EXIT_LOST);
	return broker_receive();
}

int broker_open(const char *path)
{
	broker.wanted.kind = ANSWER_OPEN;
	return broker_ask(path);
}

int broker_fetch(enum server_file kind, const unsigned char *build_id, size_t build_id_bytes,
		 const char *name, char **path)
{
	int fd;

	*path = NULL;
	if (build_id_bytes == 0 || build_id_bytes > BUILD_ID_MAX_BYTES)
		return -EINVAL;
	broker.wanted.kind = ANSWER_FETCH;
	broker.wanted.server_file = kind;
	broker.wanted.build_id_bytes = (uint32_t)build_id_bytes;
	memcpy(broker.wanted.build_id, build_id, build_id_bytes);
	fd = broker_ask(name);
	if (fd < 0)
		return fd;
	*path = strdup(broker.handed.path);
	if (*path)
		return fd;
	close(fd);
	return -ENOMEM;
}
