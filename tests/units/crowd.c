/* SPDX-License-Identifier: MIT */
/*
 * crowd MODE: one turn of the recorder's socket, while peers connect faster than it accepts. No
 * clock is involved: each time the turn asks whether it must stop, the next peer connects.
 *
 * endless: the turn is never told to stop.  stop: it is told so at the third connection.  strangers
 * UID: another user's 64 connections wait.  flood: an image's connection waits, and behind it 3,000
 * of another process of the same user.  Prints the answer of the turn, how many connections it
 * looked at, how many pids it checked, how many descriptors it kept, and whether the image's claim
 * is still there.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/common/registration.h"
#include "report/recorder/peer_socket.h"

#define ENOUGH 20000 /* far more than one turn may accept */
#define STRANGERS 64
#define FLOOD 3000 /* fewer than may wait, more than one user's claims */
#define IMAGE 7

struct crowd {
	struct sockaddr_un address;
	socklen_t length;
	unsigned looked, stop_at, checked;
};

static int crowd_connect(const struct crowd *crowd)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&crowd->address, crowd->length) != 0)
		exit(3);
	return fd;
}

static bool crowd_must_stop(void *context)
{
	struct crowd *crowd = context;

	crowd->looked++;
	if (crowd->looked == ENOUGH) {
		puts("the turn does not end");
		exit(1);
	}
	close(crowd_connect(crowd));
	return crowd->looked == crowd->stop_at;
}

static bool never_must_stop(void *context)
{
	struct crowd *crowd = context;

	crowd->looked++;
	return false;
}

static bool crowd_is_member(void *context, pid_t pid)
{
	struct crowd *crowd = context;

	crowd->checked += pid > 0;
	return false;
}

static int descriptor_count(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count;
}

/* Returns when all have connected. They end when the descriptor is closed. -1: they could not. */
static int strangers_connect(const struct crowd *crowd, uid_t uid)
{
	int pair[2];
	char ready;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	if (fork() == 0) {
		close(pair[0]);
		if (setresuid(uid, uid, uid) != 0)
			_exit(2);
		for (int i = 0; i < STRANGERS; i++)
			crowd_connect(crowd);
		_exit(write(pair[1], "r", 1) != 1 || read(pair[1], &ready, 1) != 0);
	}
	close(pair[1]);
	return read(pair[0], &ready, 1) == 1 ? pair[0] : -1;
}

static void crowd_claim(const struct crowd *crowd, uint32_t instance)
{
	struct registration_message message = {.instance = instance};
	int fd = crowd_connect(crowd);

	if (send(fd, &message, sizeof message, 0) != sizeof message)
		exit(5);
	close(fd);
}

static void flood_connect(const struct crowd *crowd)
{
	if (fork() == 0) {
		crowd_claim(crowd, IMAGE);
		_exit(0);
	}
	wait(NULL);
	for (uint32_t i = 0; i < FLOOD; i++)
		crowd_claim(crowd, IMAGE + 1 + i);
}

static int has_claim(struct peer_socket *peers)
{
	struct peer peer;

	return peer_socket_take(peers, IMAGE, &peer) && close(peer.fd) == 0;
}

int main(int argc, char **argv)
{
	char name[32];
	bool flood = argc == 2 && strcmp(argv[1], "flood") == 0;
	struct crowd crowd = {.stop_at = argc == 2 && strcmp(argv[1], "stop") == 0 ? 3 : 0};
	struct peer_socket_options options = {
		.session = name,
		.path = "",
		.descriptors = 1000,
		.must_stop = argc == 3 || flood ? never_must_stop : crowd_must_stop,
		.is_member = crowd_is_member,
		.context = &crowd,
	};
	struct peer_socket *peers;
	int strangers = -1, before;
	bool whole;

	snprintf(name, sizeof name, "crowd-%d", (int)getpid());
	crowd.length = registration_address_by_name(&crowd.address, name);
	peers = peer_socket_open(&options);
	if (!peers || argc < 2)
		return 2;
	if (argc == 3)
		strangers = strangers_connect(&crowd, (uid_t)atoi(argv[2]));
	if (argc == 3 && strangers < 0)
		return 4;
	if (flood)
		flood_connect(&crowd);
	else if (argc == 2)
		close(crowd_connect(&crowd));
	before = descriptor_count();
	whole = peer_socket_collect(peers);
	printf("%d %u %u %d ", whole, crowd.looked, crowd.checked, descriptor_count() - before);
	printf("%d\n", has_claim(peers));
	peer_socket_close(peers);
	close(strangers);
	wait(NULL);
	return 0;
}
