/* SPDX-License-Identifier: MIT */
/*
 * The live processes of the session, each with a pidfd, and how each one ended. An image that
 * registers is added; when its process ends, or its next image begins, it is retired. A slot is
 * freed only when its process is known to have ended: a live process would write to it.
 */
#ifndef MEMSHIM_RECORDER_WATCH_H
#define MEMSHIM_RECORDER_WATCH_H

#include "report/recorder/registrations.h"

struct rusage;
struct watch;

/* `command` is the recorder's own child: wait(2) reports its end. Null with errno set. */
struct watch *watch_make(struct drain *drain, struct registrations *registrations, pid_t command);
void watch_free(struct watch *watch);

/* A descriptor that is readable when a watched process has ended. */
int watch_fd(const struct watch *watch);

/* COMMAND has ended, as wait4(2) reported: it is the end of its last image. */
void watch_command_ended(struct watch *watch, int wait_status, const struct rusage *used);

/* Adds the images that have registered and retires those that have ended. */
void watch_turn(struct watch *watch);

/* The last turn: an image that has ended is retired even if its status is not known. */
void watch_last_turn(struct watch *watch);

/* How many images are watched. */
unsigned watch_count(const struct watch *watch);

/* Whether `pid`, in the recorder's pid namespace, is watched. */
bool watch_knows(const struct watch *watch, pid_t pid);

/*
 * Calls `visit` for each watched process whose pid is known. start_break: stat field 47 when the
 * image began, 0 unknown. `visit` must not add or retire images.
 */
void watch_each(const struct watch *watch,
		void (*visit)(void *context, pid_t pid, uint64_t start_break), void *context);

/*
 * The process runs a program without the shim, or one that has not loaded it yet. If the process
 * ends before another image registers, this execve(2) ended the image. `surely`: it ends at once.
 */
void watch_note_exec(struct watch *watch, pid_t pid, bool surely);

/* Calls `registered` with every image that registers from now on, even if it has ended. */
void watch_on_registration(struct watch *watch,
			   void (*registered)(void *context, pid_t pid,
					      const struct drain_process *image),
			   void *context);

/* ---- for watch_add.c and watch_scan.c ---- */

struct watched; /* an image and its process: watch_struct.h */

struct watched *watched_find(const struct watch *watch, pid_t pid);
/* The process is `pid` here; takes over its pidfd, -1: it has none. */
void watched_hold(struct watch *watch, struct watched *w, pid_t pid, int fd);
void watched_let_go(struct watch *watch, struct watched *w);
/* execve(2) has replaced the image. Returns its pidfd, for the caller to own; -1: it had none. */
int watched_end_by_exec(struct watch *watch, struct watched *w);
/* watch_turn retires it in this turn. */
void watched_note_ended(struct watch *watch, struct watched *w);
/*
 * Keeps in the recording which process it was, and how it ended; `replaced`: by its next image, and
 * the process runs on.
 */
void watched_record_end(const struct watch *watch, struct watched *w, bool replaced,
			enum drain_how how, int status, int signal);

#endif
