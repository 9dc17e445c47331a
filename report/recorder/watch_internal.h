/* SPDX-License-Identifier: MIT */
/* What watch.c and watch_look.c share. */
#ifndef MEMSHIM_RECORDER_WATCH_INTERNAL_H
#define MEMSHIM_RECORDER_WATCH_INTERNAL_H

#include "report/recorder/instance_set.h"
#include "report/recorder/watch.h"

#define HASH_NONFATAL_OOM 1
#define uthash_nonfatal_oom(element) ((element)->unhashed = true)
#include <uthash.h>

struct watched {
	struct drain_process image;
	uint32_t instance;              /* key */
	struct drain_identity identity; /* proof DRAIN_UNPROVED: it was not verified */
	pid_t pid;          /* in the recorder's namespace; 0: not found yet; a key when not 0 */
	int fd;             /* -1: watch_look checks it */
	bool wait_for_reap; /* ended, but its status is not known until its parent has waited */
	bool ended;
	uint64_t exec_clock; /* when it was first seen as another program; 0: never */
	bool left;           /* by that execve: its slot is ended, and not yet freed */
	bool unhashed;       /* no memory for a table */
	struct watched *next_ended;
	UT_hash_handle hh;
	UT_hash_handle by_pid;
};

struct watch {
	struct drain *drain;
	struct registrations *registrations;
	struct watched *table, *pids;
	struct watched **by_slot;
	struct instance_set registered_instances;
	struct watched *ended;
	int epoll_fd;
	pid_t command;
	uint64_t command_start_time; /* 0 unknown */
	bool command_ended;
	int command_status;
	bool last; /* no later turn will know more */
	uint64_t next_look_ns;
	void (*registered)(void *context, pid_t pid, const struct drain_process *image);
	void *context;
};

/* ---- watch.c ---- */
struct watched *watched_find(const struct watch *watch, pid_t pid);
/* The process is `pid` here; takes over its pidfd, -1: it has none. */
void watched_hold(struct watch *watch, struct watched *w, pid_t pid, int fd);
void watched_let_go(struct watch *watch, struct watched *w);
/* It is settled in this turn. */
void watched_note_ended(struct watch *watch, struct watched *w);
/* Which process it was, and how it ended; `replaced`: by its next image, and the process goes on.
 */
void watched_record_end(const struct watch *watch, const struct watched *w, bool replaced,
			enum drain_how how, int status, int signal);

/* ---- watch_look.c ---- */
/* Looks for what no pidfd tells, if it is time to. */
void watch_look(struct watch *watch);

#endif
