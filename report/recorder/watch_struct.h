/* SPDX-License-Identifier: MIT */
/* struct watch, for watch.c, watch_add.c and watch_scan.c. */
#ifndef MEMSHIM_RECORDER_WATCH_STRUCT_H
#define MEMSHIM_RECORDER_WATCH_STRUCT_H

#include "report/recorder/watch.h"

/* The instances that have registered. Each may register once. An empty set is all zero. */
struct instance_set {
	uint64_t *bits;
	uint32_t capacity;
};

#include <sys/resource.h>

#define uthash_nonfatal_oom(element) ((element)->unhashed = true)
#include "report/util/hash.h"

struct watched {
	struct drain_process image;
	uint32_t instance;              /* key */
	struct drain_identity identity; /* proof DRAIN_UNPROVED: it was not verified */
	pid_t pid;          /* in the recorder's namespace; 0: not found yet; else a key */
	int fd;             /* -1: watch_scan checks it */
	bool wait_for_reap; /* ended, but its status is not known until its parent has waited */
	bool ended;
	uint64_t exec_clock; /* when it was first seen as another program; 0: never */
	bool left;           /* by that execve: its slot is ended, and not yet freed */
	uint64_t next_walk_ns, walk_pause_ns, walk_break; /* of its heap: see usage.c */
	uint64_t title_hash, title_changes; /* of the title at the last sample; 0: none */
	bool unhashed;                      /* no memory for a table */
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
	bool last; /* this is the last turn */
	uint64_t next_scan_ns;
	uint64_t next_usage_ns, usage_pause_ns, walked_ns;
	uint64_t usage_allowed_ns;   /* no sample before: its share of the time */
	bool usage_is_chosen;        /* usage_pause_ns is the user's; 0: no samples */
	uint64_t added_count;        /* images */
	struct rusage command_usage; /* when command_ended */
	void (*registered)(void *context, pid_t pid, const struct drain_process *image);
	void *context;
};

#endif
