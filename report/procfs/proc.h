/* SPDX-License-Identifier: MIT */
/* The few things that are asked of /proc about other processes, proc(5). */
#ifndef MEMSHIM_PROCFS_PROC_H
#define MEMSHIM_PROCFS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Of /proc/PID/stat. The last two are 0 where this user may not see them. */
struct proc_facts {
	pid_t ppid;
	char state;           /* 'Z': ended, and its parent has not waited */
	uint64_t start_time;  /* clock ticks after boot */
	uint64_t start_break; /* one for each program it executes */
	int exit_code;        /* as wait(2) has it; of state 'Z' */
	long threads;         /* more than 1 in state 'Z': only its first thread has ended */
	char comm[16];
};

/* Reads /proc/PID/NAME, NUL-terminated and cut to `size`; the length, or -1. */
ssize_t proc_read(pid_t pid, const char *name, char *buffer, size_t size);

/* False when there is no such process. */
bool proc_facts(pid_t pid, struct proc_facts *facts);

/*
 * Whether it had started by that second since 1970: a process that is younger than what it is said
 * to have created has only the creator's pid.
 */
bool proc_started_by(const struct proc_facts *facts, uint64_t second);

/* What the process calls itself in the innermost pid namespace it is in; 0 unknown. */
pid_t proc_inner_pid(pid_t pid);

/* False when it cannot be read. */
bool proc_real_uid(pid_t pid, uid_t *uid);

/* Whether /proc shows this user what is inside the process. */
bool proc_may_look(pid_t pid);

/* The real and the effective user of the process; false when they are not known. */
bool proc_uids(pid_t pid, uid_t *real, uid_t *effective);

/* Whether it acts with another user's or group's rights than the caller of this program has. */
bool proc_has_other_rights(pid_t pid);

/* The effective user, where that one may not open this user's files; 0: it may, or is not known. */
uid_t proc_other_uid(pid_t pid);

/* Whether a line of /proc/PID/maps ends in `name`, or in `name` of a file that was deleted. */
bool proc_maps(pid_t pid, const char *name);

/*
 * Whether a line of /proc/PID/maps is the heap's. That is the kernel's own name: a file's begins
 * with a slash, and may end so.
 */
bool proc_is_heap(const char *line);

/* Calls `visit` for each process that /proc lists; false when it cannot be read. */
bool proc_each(void (*visit)(void *context, pid_t pid), void *context);

/* Calls `visit` for each child of each thread of `pid`. */
void proc_each_child(pid_t pid, void (*visit)(void *context, pid_t child), void *context);

#endif
