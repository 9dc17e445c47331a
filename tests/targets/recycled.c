/* SPDX-License-Identifier: MIT */
/*
 * recycled [exec]: the first process of a pid namespace. It starts two children, one after the
 * other, with the same pid. They move the break by 16 and by 32 bytes.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void set_last_pid(const char *pid)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);

	if (write(fd, pid, strlen(pid)) < 0)
		perror("ns_last_pid");
	close(fd);
}

static void run_child(char **argv, int executes, int bytes)
{
	char text[16];

	snprintf(text, sizeof text, "%d", bytes);
	if (executes)
		execl("/proc/self/exe", argv[0], "leaf", text, NULL);
	_exit(sbrk(bytes) == (void *)-1);
}

int main(int argc, char **argv)
{
	int executes = argc > 1, status = 0;

	if (argc > 2)
		return sbrk(atoi(argv[2])) == (void *)-1;
	for (int i = 1; i <= 2; i++) {
		pid_t child;

		set_last_pid("99");
		child = fork();
		if (child == 0)
			run_child(argv, executes, 16 * i);
		waitpid(child, &status, 0);
		printf("child %d, status %d\n", (int)child, status);
		fflush(stdout);
	}
	return 0;
}
