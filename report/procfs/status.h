/* SPDX-License-Identifier: MIT */
/* The only parser of /proc/PID/status, /proc/PID/limits and /proc/meminfo. */
#ifndef MEMSHIM_PROCFS_STATUS_H
#define MEMSHIM_PROCFS_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct status_facts {
	bool uids_known, gids_known;
	uid_t real_uid, effective_uid;
	gid_t effective_gid;
	pid_t inner_pid;                   /* in the innermost pid namespace; 0 unknown */
	uint64_t mapped_bytes, data_bytes; /* VmSize, VmData; 0 for a zombie */
	uint64_t resident_peak_bytes;      /* VmHWM; 0 for a zombie */
	uint64_t anonymous_bytes;          /* RssAnon */
};

/* False when /proc/PID/status cannot be read. */
bool status_read(pid_t pid, struct status_facts *status);

/* The pid that the process has in the innermost pid namespace; 0 unknown. */
pid_t status_inner_pid(pid_t pid);

/* Whether the process acts with another user's or group's rights than this program has. */
bool status_has_other_rights(pid_t pid);

/*
 * The soft limit RLIMIT_DATA or RLIMIT_AS of the process, RLIM_INFINITY or bytes; 0 unknown. Of
 * another user's process prlimit(2) answers only with CAP_SYS_RESOURCE; /proc answers every user.
 */
uint64_t status_limit(pid_t pid, int resource);

/* The machine's memory: 0 where it is not known. */
struct meminfo_facts {
	uint64_t memory_bytes; /* with swap */
	uint64_t huge_pages, huge_free, huge_reserved;
	uint32_t overcommit; /* vm.overcommit_memory */
};

void meminfo_read(struct meminfo_facts *meminfo);

#endif
