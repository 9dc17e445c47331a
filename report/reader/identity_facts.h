/* SPDX-License-Identifier: MIT */
/* Of facts.h: which process an image is, and what it used, as the recorder saw it. */
#ifndef MEMSHIM_READER_IDENTITY_FACTS_H
#define MEMSHIM_READER_IDENTITY_FACTS_H

#include "report/reader/event.h"

/* How the recorder identified an image's process, the strongest proof first; see recorded.h. */
enum identity_proof { PROOF_CHILD = 1, PROOF_PEER_PIDFD, PROOF_PEER_CRED, PROOF_START_TIME };

/* What an image used, by the recorder's last sample; of the recorder's own child by wait4(2). */
struct usage_facts {
	uint64_t samples; /* 0: none of the memory fields is known */
	uint64_t sampled_ns;
	uint64_t faults, cpu_ns; /* minor page faults, CPU time; 0 unknown */
	uint64_t waited_ns;      /* its first thread, ready to run, for a CPU */
	uint64_t resident_peak_bytes, anonymous_bytes, anonymous_peak_bytes;
	uint64_t anonymous_peak_ns, break_bytes_then; /* at the sample with the most */
	bool heap_known;
	uint64_t heap_bytes;
	uint64_t heap_free_bytes; /* resident pages in free chunks of malloc */
};

/*
 * Which process an image is, as the recorder identified it by pidfd and kernel. Nothing here comes
 * from memory that the session's processes can write.
 */
struct identity_facts {
	uint32_t instance;
	int32_t pid;                      /* as the recorder sees it */
	uint32_t real_uid, effective_uid; /* when it was verified; UINT32_MAX unknown */
	uint64_t start_time;              /* proc(5) stat field 22; 0 unknown */
	enum still process_still; /* by the kernel alone; unknown where it cannot be asked */
	uint32_t proof;           /* enum identity_proof */
	uint64_t known_ns;
	bool ended,
		end_by_kernel; /* end_by_kernel: seen by pidfd or wait(2), not by polling /proc */
	bool replaced;         /* exec replaced the image; the process goes on */
	uint64_t end_ns;       /* if `ended` */
	int32_t exit_status;   /* -1 unknown, or none */
	int32_t exit_signal;   /* 0 unknown, or none */
	struct usage_facts usage;
};

#endif
