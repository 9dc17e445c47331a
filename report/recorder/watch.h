/* SPDX-License-Identifier: MIT */
/*
 * The processes of the session that are alive, each held by a pidfd, and how each one ended. An
 * image that registers is added; when its process ends, or its next image begins, it is retired.
 * A slot is only ever given back when its process is known to have ended: it would write on.
 */
#ifndef MEMSHIM_RECORDER_WATCH_H
#define MEMSHIM_RECORDER_WATCH_H

#include "report/recorder/registrations.h"

struct watch;

/* `command` is this process's own child, whose end wait(2) tells. Null with errno set. */
struct watch *watch_make(struct drain *drain, struct registrations *registrations, pid_t command);
void watch_free(struct watch *watch);

/* A descriptor that is readable when a watched process has ended. */
int watch_fd(const struct watch *watch);

/* COMMAND's end, as wait(2) gave it: an answer for its last image. */
void watch_command_ended(struct watch *watch, int wait_status);

/* Takes in the images that have registered and retires those that have ended. */
void watch_turn(struct watch *watch);

/* The same for the last time: who has ended is retired, even if nobody can tell how. */
void watch_last_turn(struct watch *watch);

/* How many images are watched. */
unsigned watch_count(const struct watch *watch);

/* Whether `pid`, as seen here, is watched. */
bool watch_knows(const struct watch *watch, pid_t pid);

/*
 * Calls `visit` for each watched process that could be found. start_break: stat field 47 as it was
 * when the image began, 0 unknown. Nothing may be added or retired meanwhile.
 */
void watch_each(const struct watch *watch,
		void (*visit)(void *context, pid_t pid, uint64_t start_break), void *context);

/*
 * The process was seen executing a program without the shim, or one that has not loaded it yet:
 * the image has ended by that if the process ends before another one registers; `surely`: at once.
 */
void watch_note_exec(struct watch *watch, pid_t pid, bool surely);

/* Calls `registered` with every image that registers from now on, also one that has ended by now.
 */
void watch_on_registration(struct watch *watch,
			   void (*registered)(void *context, pid_t pid,
					      const struct drain_process *image),
			   void *context);

#endif
