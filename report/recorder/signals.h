/* SPDX-License-Identifier: MIT */
/*
 * The recorder forwards the signals that another process sends to it to COMMAND. A signal from the
 * terminal reaches the whole foreground group, COMMAND included, and is not forwarded.
 */
#ifndef MEMSHIM_RECORDER_SIGNALS_H
#define MEMSHIM_RECORDER_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Blocks the signals that are forwarded. Returns a descriptor that is readable when one is pending,
 * or -1 with errno; `old_mask` and `old_child_action` are for COMMAND.
 */
int signals_catch(sigset_t *old_mask, struct sigaction *old_child_action);

/*
 * Takes the pending signals, and sends them to `command` if that is not 0. True when one of them
 * asks a program to end: INT, QUIT, TERM or HUP, from any sender.
 */
bool signals_pass_on(int fd, pid_t command);

#endif
