/* SPDX-License-Identifier: MIT */
/* Types that the files of this room exchange: images, their ends, and errors. */
#ifndef MEMSHIM_RECORDER_DRAIN_TYPES_H
#define MEMSHIM_RECORDER_DRAIN_TYPES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct drain; /* drain_struct.h */

/* Why something failed, for error_line. */
struct drain_error {
	char what[512];
	char why[256];
};

/* One image that registered: enough to watch its process. */
struct drain_process {
	uint32_t slot;
	uint32_t instance;
	uint32_t parent_instance;
	bool forked;
	bool other_pid_namespace;  /* in another pid namespace, or that is not known: its pid means
				      nothing here */
	pid_t pid;                 /* in the process's own pid namespace */
	uint64_t start_time;       /* proc(5) stat field 22; 0 unknown */
	uint64_t start_clock;      /* of its registration */
	uint64_t start_break;      /* stat field 47; 0 unknown, as it is for a child of fork */
	uint64_t registered_break; /* the break when it registered */
};

/* How a process ended, as far as it is known. */
enum drain_how { DRAIN_EXITED, DRAIN_KILLED, DRAIN_GONE };

/* How the recorder verified which process an image is: see struct segment_identity. */
enum drain_proof {
	DRAIN_UNPROVED,
	DRAIN_BY_CHILD,
	DRAIN_BY_PEER_PIDFD,
	DRAIN_BY_PEER_CRED,
	DRAIN_BY_START_TIME,
};

/* What an image uses, by the last sample: see usage.h. */
struct drain_usage {
	uint64_t samples, clock;
	uint64_t first_faults, first_cpu_ns; /* of earlier images of the process */
	uint64_t faults, cpu_ns, waited_ns;
	uint64_t resident_peak_bytes, anonymous_bytes, anonymous_peak_bytes;
	uint64_t anonymous_peak_clock, anonymous_peak_break; /* at the sample with the most */
	bool command_ended;       /* the counters are those of wait4(2) */
	bool walked, heap_known;  /* the last walk succeeded; and the one before, too */
	uint64_t last_free_bytes; /* by the last walk */
	uint64_t heap_bytes, heap_free_bytes;
};

struct drain_identity {
	pid_t pid; /* in the recorder's pid namespace */
	enum drain_proof proof;
	uid_t real_uid, effective_uid; /* (uid_t)-1 unknown */
	uint64_t start_time;           /* proc(5) stat field 22; 0 unknown */
	uint64_t known_clock;          /* a drain_now */
	struct drain_usage usage;
};

struct drain_identity_end {
	bool by_kernel; /* its pidfd or wait(2) reported the end, and not /proc */
	bool replaced;  /* by another image: the process runs on */
	enum drain_how how;
	int status; /* of DRAIN_EXITED, -1 unknown */
	int signal; /* of DRAIN_KILLED */
};

#endif
