/* SPDX-License-Identifier: MIT */
/* The processes that /proc lists, and the only parser of /proc/PID/stat; see proc(5). */
#ifndef MEMSHIM_PROCFS_PROC_H
#define MEMSHIM_PROCFS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "report/procfs/kernel_rows.h"

/* From /proc/PID/stat. start_break and exit_code are 0 where this user may not see them. */
struct proc_facts {
	pid_t ppid;
	char state;           /* 'Z': ended, and its parent has not waited */
	uint64_t start_time;  /* clock ticks after boot; 0 unknown */
	uint64_t start_break; /* another one after each execve(2) */
	int exit_code;        /* of state 'Z', as wait(2) has it */
	long threads;         /* more than 1 in state 'Z': only its first thread has ended */
	uint64_t faults;      /* minor page faults, without those of children */
	uint64_t cpu_ns;      /* user and system time */
	char comm[16];
};

/* Reads /proc/PID/NAME, NUL-terminated and cut to `size`; the length, or -1. */
ssize_t proc_read(pid_t pid, const char *name, char *buffer, size_t size);

/* How long the first thread of the process was ready to run without a CPU; 0 unknown. */
uint64_t proc_waited_ns(pid_t pid);

/* Reads the link /proc/PID/NAME, cut to `bytes`. False, and "", where it cannot be read. */
bool proc_link(pid_t pid, const char *name, char *target, size_t bytes);

/* False when there is no such process. */
bool proc_facts(pid_t pid, struct proc_facts *facts);

/*
 * Whether the process had started by that second since 1970. One that started after an object was
 * created is not its creator: it reuses the creator's pid.
 */
bool proc_started_by(const struct proc_facts *facts, uint64_t second);

/* Whether this user may read the process's maps, links and environment (ptrace access). */
bool proc_may_read(pid_t pid);

/* The effective uid, if that user may not open this user's files; 0: it may, or is not known. */
uid_t proc_other_uid(pid_t pid);

/* The inode of the process's IPC namespace; 0 unknown. */
uint64_t proc_ipc_namespace(pid_t pid);

/* The same of this process, whatever pid namespace /proc shows; start time: stat field 22. */
uint64_t proc_own_ipc_namespace(void);
uint64_t proc_own_start_time(void);

/* Calls `visit` for each process that /proc lists; false when it cannot be read. */
bool proc_each(void (*visit)(void *context, pid_t pid), void *context);

/* Calls `visit` for each child of each thread of `pid`. */
void proc_each_child(pid_t pid, void (*visit)(void *context, pid_t child), void *context);

/* ---- whether a process still runs; one that reuses its pid is another process ---- */

/*
 * `start_time`: proc(5) stat field 22 as the process itself read it, 0 unknown. A zombie has ended.
 */
bool alive_process(int32_t pid, uint64_t start_time);

/* The start time of the running process, in this program's time namespace; 0: it has ended. */
uint64_t alive_start(int32_t pid, uint64_t start_time);

/*
 * The same where a wrong answer costs data: STILL_UNKNOWN when the kernel does not say, because
 * /proc is missing or hidden, or the start time is not known.
 */
enum still alive_still(int32_t pid, uint64_t start_time);

#endif
