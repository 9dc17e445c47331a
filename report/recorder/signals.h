/* SPDX-License-Identifier: MIT */
/*
 * Signals that somebody sends to the recorder are meant for COMMAND. What the terminal sends
 * reaches the whole foreground group, COMMAND included, without help; and a stop stops both.
 */
#ifndef MEMSHIM_RECORDER_SIGNALS_H
#define MEMSHIM_RECORDER_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Blocks what is to be passed on. Returns a descriptor that is readable when something has come, or
 * -1 with errno; `old_mask` and `old_child_action` are what COMMAND should get back.
 */
int signals_catch(sigset_t *old_mask, struct sigaction *old_child_action);

/*
 * Takes what has come, and sends it on to `command` if that is not 0. True when there was one that
 * asks a program to end: INT, QUIT, TERM or HUP, from wherever.
 */
bool signals_pass_on(int fd, pid_t command);

#endif
