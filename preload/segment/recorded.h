/* SPDX-License-Identifier: MIT */
/*
 * A recording is a file that only its recorder writes, and only by appending:
 *
 * 0        struct segment_header       kind SEGMENT_RECORDING; `committed_bytes` counts the whole
 *                                      chunks, and is written after them
 * 4096     struct segment_chunk, its payload, struct segment_chunk, its payload, ...
 *
 * The kind of a chunk is the kind of a region, and its payload is an array of that region's records
 * (for STACKS: struct segment_frame_row). A chunk of kind LOG holds the events [first, next) of one
 * ring, sorted by time. A LOG chunk with first == next holds events, or counts losses, of earlier
 * claims: it moves no position, and its events may be older than those in earlier chunks of the
 * ring. One reader reads segments and recordings.
 *
 * A chunk whose `stored_bytes` is not 0 holds its payload as one zstd frame of that many bytes,
 * padded with zeros to a multiple of 32.
 *
 * Only report/ includes this file: no shim writes any of it.
 */
#ifndef MEMSHIM_SEGMENT_RECORDED_H
#define MEMSHIM_SEGMENT_RECORDED_H

#include "layout.h"

#define SEGMENT_CHUNK_MAGIC 0x4b4e4843u /* "CHNK" */

/* The head of each array of records in a recording. */
struct segment_chunk {
	uint32_t magic;
	uint32_t kind; /* enum segment_region_kind */
	uint64_t payload_bytes;
	uint32_t record_bytes;
	uint32_t ring;  /* LOG: the ring; SEGMENT_CHUNK_NO_RING for the recorder's own lifecycle
			   events */
	uint64_t count; /* records */
	uint64_t first; /* LOG: this chunk covers the claim numbers [first, next) */
	uint64_t next;
	uint64_t overwritten; /* LOG: of those, overwritten before they were read */
	uint64_t torn;        /* LOG: of those, never published */
	uint64_t min_clock;   /* LOG: of the events in it */
	uint64_t max_clock;
	uint64_t stored_bytes; /* bytes of the compressed payload; 0: not compressed */
	uint64_t reserved[5];
};
#define SEGMENT_CHUNK_NO_RING 0xffffffffu
#define SEGMENT_CHUNK_ALIGN 32u /* chunks and payloads begin at multiples of this */
#define SEGMENT_COMPRESSED_BYTES_MAX (1ull << 20) /* payload_bytes of one, at most */

/* Why a process of the tree has no slot, in the order of unfollowed.def. */
enum segment_unfollowed_why {
#define UNFOLLOWED(id, why) UNFOLLOWED_##id,
#include "unfollowed.def"
#undef UNFOLLOWED
	UNFOLLOWED_COUNT
};

/*
 * An unfollowed process, as the recorder found it in /proc: it runs, or ran, and did not register.
 */
struct segment_unfollowed {
	int32_t pid;
	int32_t ppid;
	uint32_t why;       /* enum segment_unfollowed_why */
	uint32_t other_uid; /* effective, of a process to which the segment is closed; 0 none */
	uint64_t seen_clock;
	char exe[232];
};

/*
 * A kernel snapshot: what the recorder read right after a call that failed, or that named or
 * removed a segment which no process of the session created. A field that the recorder could not
 * read is 0. With CALL_BRK and error 0: the break of the image is not where its calls left it.
 */
struct segment_snapshot {
	uint64_t clock; /* of the event */
	uint32_t instance;
	uint16_t call;
	uint16_t error; /* 0: the call succeeded */
	/* The kernel's row of the segment that the call named; shmid -1: none. */
	int32_t shmid;
	uint32_t key;
	uint64_t size;
	uint32_t mode;
	uint32_t owner_uid;
	int32_t creator_pid;
	uint32_t caller_uid; /* effective, of the process that made the call */
	/*
	 * Totals of all segments, and the limits shmmni, shmall and shmmax. Where SHM_HUGETLB found
	 * no memory, pages are huge pages. For brk and shmat, limit_size is RLIMIT_AS.
	 */
	uint64_t used_segments, used_pages;
	uint64_t limit_segments, limit_pages, limit_size;
	/* The creator that uses the most of the resource that ran out. */
	int32_t most_pid;
	uint32_t most_segments;
	uint64_t most_pages;
	char most_name[16];
	/* The first mapping above the break, or at or above the address that shmat asked for. */
	uint64_t next_start;
	uint64_t limit_data;   /* RLIMIT_DATA; UINT64_MAX none */
	uint32_t overcommit;   /* vm.overcommit_memory */
	uint32_t nattch;       /* attachments of the segment */
	char next_name[96];    /* "" anonymous */
	uint64_t memory_bytes; /* memory and swap of the machine */
	uint64_t mapped_bytes; /* VmSize of the process */
	uint64_t data_bytes;   /* VmData of the process: RLIMIT_DATA limits it */
	/* VmSize and VmData without the heap, when the process registered and had a limit. */
	uint64_t first_mapped_bytes, first_data_bytes;
	uint32_t flags; /* enum segment_snapshot_flag */
	uint32_t pad;
	char creator_name[16]; /* name of the process `creator_pid`, while it runs; else "" */
	uint64_t reserved[3];
};

enum segment_snapshot_flag {
	SNAPSHOT_PROCESS_GONE = 1u
				<< 0,  /* the caller had ended: the limits are those of its start */
	SNAPSHOT_MOST_ENDED = 1u << 1, /* no process with `most_pid` ran */
};

/* How the recorder verified which process an image is. */
enum segment_identity_proof {
	IDENTITY_BY_CHILD = 1,  /* COMMAND: the recorder's own child */
	IDENTITY_BY_PEER_PIDFD, /* SO_PEERPIDFD of its connection to the recorder's socket */
	IDENTITY_BY_PEER_CRED,  /* SO_PEERCRED of that connection, pidfd_open(2), start_time */
	IDENTITY_BY_START_TIME, /* pidfd_open(2) of the pid in its slot, start_time; maps the
				   segment */
	IDENTITY_PROOF_END
};

/* Bits of segment_identity.flags. */
enum {
	IDENTITY_ENDED = 1u << 0,         /* the image has ended, at end_clock */
	IDENTITY_END_BY_KERNEL = 1u << 1, /* by its pidfd, or by wait(2); else by /proc */
	IDENTITY_REPLACED = 1u << 2,      /* by another image of the same process */
	IDENTITY_HEAP_KNOWN = 1u << 3,    /* heap_bytes and heap_free_bytes are valid */
};

/*
 * The process of an image, verified by the recorder while it held a pidfd of the process. Nothing
 * in it comes from the segment, which every process of the session may write to. A later row of an
 * instance replaces an earlier one. An image without a row was not verified.
 */
struct segment_identity {
	uint32_t instance;
	int32_t pid;            /* as the recorder sees it */
	uint32_t real_uid;      /* UINT32_MAX unknown */
	uint32_t effective_uid; /* at known_clock; UINT32_MAX unknown */
	uint64_t start_time;    /* proc(5) stat field 22, clock ticks after boot; 0 unknown */
	uint64_t known_clock;   /* when the recorder verified it */
	uint64_t end_clock;     /* when the recorder learned of its end; 0: it has not ended */
	uint32_t proof;         /* enum segment_identity_proof */
	uint32_t flags;
	int32_t exit_status; /* -1 unknown, or none */
	int32_t exit_signal; /* 0 unknown, or none */
	/* What the image used, by the last sample of /proc; samples 0: there was none. */
	uint64_t samples;
	uint64_t sample_clock;
	uint64_t faults;               /* minor page faults */
	uint64_t cpu_ns;               /* user and system time */
	uint64_t resident_peak_bytes;  /* VmHWM; of COMMAND, wait4(2) */
	uint64_t anonymous_bytes;      /* RssAnon */
	uint64_t anonymous_peak_bytes; /* the most of all samples */
	uint64_t heap_bytes;
	uint64_t heap_free_bytes;      /* of the heap, resident pages in free chunks of malloc */
	uint64_t waited_ns;            /* of its first thread, for a CPU: proc(5) schedstat */
	uint64_t anonymous_peak_clock; /* of the sample with the most RssAnon */
	uint64_t anonymous_peak_break; /* the break less the first break, at that sample */
	uint64_t reserved;
};

enum segment_object_state { OBJECT_PRESENT = 1, OBJECT_GONE = 2 };

/* Bits of segment_object.flags. */
enum {
	OBJECT_WAS_SEEN = 1u << 0,  /* the kernel had it right after its creation */
	OBJECT_ELSEWHERE = 1u << 1, /* its creator was then in another IPC namespace */
};

/*
 * An IPC object when the session ended, as the kernel had it in the session's IPC namespace. There
 * is a row for each object of the ledger that still existed, or was gone without a call that
 * removed it, and for each object created since the session began. Times are seconds since 1970; 0:
 * never.
 */
struct segment_object {
	uint32_t kind; /* enum segment_object_kind */
	int32_t id;
	uint32_t state; /* enum segment_object_state; GONE: all below but `flags` is 0 */
	uint32_t key;
	uint32_t mode;                 /* permission bits; 01000: marked for removal */
	int32_t creator_pid, last_pid; /* as the recorder sees them; 0: no process there */
	uint32_t owner_uid, owner_gid, creator_uid, creator_gid;
	uint32_t flags;
	uint64_t size;   /* bytes of a segment; semaphores of a set */
	uint64_t nattch; /* attachments; messages in a queue */
	/* shmat, shmdt; semop; msgsnd, msgrcv; changed: created, IPC_SET, or semctl SETVAL */
	uint64_t attached, detached, changed;
	uint64_t resident_bytes, swap_bytes; /* resident_bytes: of a queue's messages, too */
	unsigned char reserved[24];
};

/* A frame in a recording, which stores only the frames in use. */
struct segment_frame_row {
	uint64_t number; /* index + 1 */
	uint64_t outer;
	uint64_t offset;
	uint64_t reserved;
};

/* The name of the code at an address of an image, which is in no file: see /tmp/perf-PID.map. */
struct segment_jit_name {
	uint64_t address; /* of a frame in no module */
	uint32_t instance;
	char name[116];
};

/* What an image wrote over its arguments, as a later row of it replaces an earlier one. */
struct segment_title {
	uint32_t instance;
	char text[124]; /* its words, joined by spaces */
};

SEGMENT_ASSERT(sizeof(struct segment_jit_name) == 128);
SEGMENT_ASSERT(sizeof(struct segment_title) == 128);
SEGMENT_ASSERT(sizeof(struct segment_chunk) == 128);
SEGMENT_ASSERT(sizeof(struct segment_unfollowed) == 256);
SEGMENT_ASSERT(sizeof(struct segment_frame_row) == 32);
SEGMENT_ASSERT(sizeof(struct segment_snapshot) == 328);
SEGMENT_ASSERT(sizeof(struct segment_identity) == 160);
SEGMENT_ASSERT(sizeof(struct segment_object) == 128);

#endif
