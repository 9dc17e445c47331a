/* SPDX-License-Identifier: MIT */
/*
 * COMMAND's process. The recorder forks it first and holds it, so that its pid can name the
 * recording; then it gets the segment's path and runs with what memshim was started with:
 * descriptors, signal mask and dispositions, limits, process group.
 *
 * The recorder forwards to COMMAND the signals that another process sends to the recorder. A signal
 * from the terminal reaches the whole foreground group, COMMAND included, and is not forwarded.
 */
#ifndef MEMSHIM_RECORDER_LAUNCH_H
#define MEMSHIM_RECORDER_LAUNCH_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct launch {
	sigset_t old_mask;                 /* set by the caller: what COMMAND gets */
	struct sigaction old_child_action; /* the same, of SIGCHLD */
	const char
		*path; /* set by the caller: the file, if no shell may run it; null: search PATH */
	pid_t pid;
	int go_fd;     /* written: the segment's path; closed unwritten: do not run */
	int status_fd; /* read: errno of a failed exec; empty: it runs */
};

/* Forks the process. `library` is preloaded; null: nothing. 0 or -errno. */
int launch_hold(struct launch *launch, char **argv, const char *library);

/* Lets it run. 0, or errno of the exec. */
int launch_go(struct launch *launch, const char *segment_path);

/* Ends the process without running COMMAND. */
void launch_cancel(struct launch *launch);

/*
 * Blocks the signals that are forwarded. Returns a descriptor that is readable when one is pending,
 * or -1 with errno; `old_mask` and `old_child_action` are for COMMAND.
 */
int signals_catch(sigset_t *old_mask, struct sigaction *old_child_action);

/*
 * Forwards the pending signals to `command` if that is not 0. True when one of them asks a program
 * to end: INT, QUIT, TERM or HUP, from any sender.
 */
bool signals_pass_on(int fd, pid_t command);

#endif
