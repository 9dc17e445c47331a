/* SPDX-License-Identifier: MIT */
/*
 * knock SESSION SECONDS PROCESSES [hold]: connects to the recorder's socket without pause and sends
 * an instance. With `hold`, it keeps as many connections as it can, and sends nothing. Prints
 * "gone" when no process listens any more.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t length;

static void knock(int hold, unsigned instance)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&address, length) == 0) {
		if (hold)
			return;
		send(fd, &instance, sizeof instance, MSG_NOSIGNAL);
	} else if (errno == ECONNREFUSED) {
		puts("gone");
		fflush(stdout);
		_exit(0);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	int hold = argc > 4 && strcmp(argv[4], "hold") == 0;
	time_t end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 0);
	struct rlimit limit;

	if (argc < 4)
		return 2;
	snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "memshim/%s", argv[1]);
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 9 + strlen(argv[1]));
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	knock(hold, 1);
	puts("knocks");
	fflush(stdout);
	for (int i = 1; i < atoi(argv[3]); i++)
		if (fork() == 0)
			break;
	for (unsigned i = 0; time(NULL) < end; i++)
		knock(hold, i % 64);
	return 0;
}
