/* SPDX-License-Identifier: MIT */
#include "report/recorder/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* Whether one of the words of an LD_PRELOAD is `library`. */
static bool launch_is_listed(const char *list, const char *library)
{
	size_t length = strlen(library);

	for (list += strspn(list, " :"); *list; list += strspn(list, " :")) {
		size_t word = strcspn(list, " :");

		if (word == length && memcmp(list, library, length) == 0)
			return true;
		list += word;
	}
	return false;
}

/* Puts the library before the present LD_PRELOAD, unless it is listed. */
static int set_preload(const char *library)
{
	const char *old = getenv("LD_PRELOAD");
	char *both;
	int ret;

	if (!library)
		return 0;
	if (!old || !*old)
		return setenv("LD_PRELOAD", library, 1);
	if (launch_is_listed(old, library))
		return 0;
	if (asprintf(&both, "%s:%s", library, old) < 0)
		return -1;
	ret = setenv("LD_PRELOAD", both, 1);
	free(both);
	return ret;
}

/* In the child: restores the signal mask and the SIGCHLD action for COMMAND. */
static void launch_restore(const struct launch *launch)
{
	sigaction(SIGCHLD, &launch->old_child_action, NULL);
	sigprocmask(SIG_SETMASK, &launch->old_mask, NULL);
}

static void launch_run(const struct launch *launch, int go_fd, int status_fd, char **argv,
		       const char *library)
{
	char path[4096];
	ssize_t got;
	int error;

	do
		got = read(go_fd, path, sizeof path - 1);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		_exit(0);
	path[got] = '\0';
	if (set_preload(library) == 0 && setenv("MEMSHIM_SESSION", path, 1) == 0) {
		launch_restore(launch);
		/* execvp(3) would give a broken binary to a shell. */
		if (launch->path)
			execv(launch->path, argv);
		else
			execvp(argv[0], argv);
	}
	error = errno;
	_exit(write(status_fd, &error, sizeof error) == sizeof error ? 0 : 1);
}

int launch_hold(struct launch *launch, char **argv, const char *library)
{
	int go[2], status[2];

	if (pipe2(go, O_CLOEXEC) != 0 || pipe2(status, O_CLOEXEC) != 0)
		return -errno;
	launch->pid = fork();
	if (launch->pid < 0)
		return -errno;
	if (launch->pid == 0) {
		close(go[1]);
		close(status[0]);
		launch_run(launch, go[0], status[1], argv, library);
	}
	close(go[0]);
	close(status[1]);
	launch->go_fd = go[1];
	launch->status_fd = status[0];
	return 0;
}

int launch_go(struct launch *launch, const char *segment_path)
{
	size_t length = strlen(segment_path);
	int error, unsent = 0;
	ssize_t got;

	if (write(launch->go_fd, segment_path, length) != (ssize_t)length)
		unsent = errno;
	close(launch->go_fd);
	do
		got = read(launch->status_fd, &error, sizeof error);
	while (got < 0 && errno == EINTR);
	close(launch->status_fd);
	return got == sizeof error ? error : unsent;
}

void launch_cancel(struct launch *launch)
{
	close(launch->go_fd);
	close(launch->status_fd);
	waitpid(launch->pid, NULL, 0);
}

/* ---- signals ---- */

/*
 * Whether the recorder forwards the signal. It does not forward signals that stop or continue a
 * process, and those of its own faults.
 */
static bool is_passed_on(int number)
{
	static const int kept[] = {SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGSEGV,
				   SIGBUS,  SIGFPE,  SIGILL,  SIGTRAP, SIGABRT, SIGSYS,  SIGURG};

	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		if (kept[i] == number)
			return false;
	return true;
}

int signals_catch(sigset_t *old_mask, struct sigaction *old_child_action)
{
	/* If the caller ignored SIGCHLD, the kernel would discard COMMAND's exit status. */
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t mask;

	sigemptyset(&mask);
	/* sigaddset refuses the signals that libc keeps for itself. */
	for (int number = 1; number <= SIGRTMAX; number++)
		if (is_passed_on(number))
			sigaddset(&mask, number);
	if (sigaction(SIGCHLD, &plain, old_child_action) != 0 ||
	    sigprocmask(SIG_BLOCK, &mask, old_mask) != 0)
		return -1;
	return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool signals_pass_on(int fd, pid_t command)
{
	struct signalfd_siginfo info;
	bool ends = false;

	while (read(fd, &info, sizeof info) == sizeof info) {
		int number = (int)info.ssi_signo;

		ends |= number == SIGINT || number == SIGQUIT || number == SIGTERM ||
			number == SIGHUP;
		/* Do not forward SIGCHLD, SIGPIPE and SIGXFSZ: they are the recorder's own. */
		if (number == SIGCHLD || number == SIGPIPE || number == SIGXFSZ ||
		    number == SIGWINCH)
			continue;
		if (command > 0 && info.ssi_code != SI_KERNEL)
			kill(command, number);
	}
	return ends;
}
