/* SPDX-License-Identifier: MIT */
/*
 * A recording is a file that only its recorder writes, and only at its end:
 *
 *   0        struct segment_header       kind SEGMENT_RECORDING; `committed_bytes` counts what is
 *                                        whole, and is written after it
 *   4096     struct segment_chunk, its payload, struct segment_chunk, its payload, ...
 *
 * A chunk's kind is a region's, so its payload is an array of that region's records (of STACKS:
 * struct segment_frame_row); a chunk of kind LOG is one part's events [first, next) sorted by time.
 * One with first == next holds events, or counts losses, of claims before it: it moves no position,
 * and its events may be older than those in earlier chunks of the part. One reader serves both
 * files.
 *
 * A chunk whose `stored_bytes` is not 0 holds its payload as one zstd frame of so many bytes,
 * padded with zeros to a multiple of 32.
 *
 * Included by the reader's room only: no shim writes any of it.
 */
#ifndef MEMSHIM_SEGMENT_RECORDED_H
#define MEMSHIM_SEGMENT_RECORDED_H

#include "layout.h"

#define SEGMENT_CHUNK_MAGIC 0x4b4e4843u /* "CHNK" */

/* Precedes each array of records in a recording. */
struct segment_chunk {
	uint32_t magic;
	uint32_t kind; /* enum segment_region_kind */
	uint64_t payload_bytes;
	uint32_t record_bytes;
	uint32_t part;  /* LOG: which part; SEGMENT_CHUNK_NO_PART for the recorder's own life events
			 */
	uint64_t count; /* records */
	uint64_t first; /* LOG: claim numbers [first, next) were drained by this chunk */
	uint64_t next;
	uint64_t overwritten; /* LOG: of those, lost because the log went round */
	uint64_t torn;        /* LOG: of those, given up as never published */
	uint64_t min_clock;   /* LOG: of the events in it */
	uint64_t max_clock;
	uint64_t stored_bytes; /* of the compressed payload; 0: it is not compressed */
	uint64_t reserved[5];
};
#define SEGMENT_CHUNK_NO_PART 0xffffffffu
#define SEGMENT_CHUNK_ALIGN 32u /* chunks and payloads begin at multiples of this */
#define SEGMENT_COMPRESSED_BYTES_MAX (1ull << 20) /* payload_bytes of a compressed chunk, at most \
						   */

/* Why a process of the tree has no slot, in enum order of witnesses.def. */
enum segment_unfollowed_why {
#define UNFOLLOWED(id, why) UNFOLLOWED_##id,
#include "unfollowed.def"
#undef UNFOLLOWED
	UNFOLLOWED_COUNT
};

/* What the recorder saw in /proc: one process that ran, or runs, without announcing itself. */
struct segment_unfollowed {
	int32_t pid;
	int32_t ppid;
	uint32_t why; /* enum segment_unfollowed_why */
	uint32_t other_uid; /* effective, of a process to which the segment is closed; 0 none */
	uint64_t seen_clock;
	char exe[232];
};

/*
 * What the kernel said right after a call that failed, or that named or removed a segment which
 * nobody of the session made: as far as the recorder could look; what it could not is 0. With
 * CALL_BRK and no error: the image's break is not where its calls left it.
 */
struct segment_snapshot {
	uint64_t clock; /* of the event */
	uint32_t instance;
	uint16_t call;
	uint16_t error; /* 0: the call succeeded */
	/* The row of the segment that the call was about; shmid -1: there is none. */
	int32_t shmid;
	uint32_t key;
	uint64_t size;
	uint32_t mode;
	uint32_t owner_uid;
	int32_t creator_pid;
	uint32_t caller_uid; /* effective, of the process that made the call */
	/*
	 * All segments together, and their limits: shmmni, shmall, shmmax. Where SHM_HUGETLB found
	 * no memory, the pages are huge ones. Of a break and of shmat the size is RLIMIT_AS.
	 */
	uint64_t used_segments, used_pages;
	uint64_t limit_segments, limit_pages, limit_size;
	/* Whose creations take the most of what ran out. */
	int32_t most_pid;
	uint32_t most_segments;
	uint64_t most_pages;
	char most_name[16];
	/* The first mapping above the break, or at and above the address that shmat asked for. */
	uint64_t next_start;
	uint64_t limit_data;   /* RLIMIT_DATA; UINT64_MAX none */
	uint32_t overcommit;   /* vm.overcommit_memory */
	uint32_t nattch;       /* of the segment */
	char next_name[96];    /* "" anonymous */
	uint64_t memory_bytes; /* memory and swap of the machine */
	uint64_t mapped_bytes; /* of the process: VmSize */
	uint64_t data_bytes;   /* VmData: what RLIMIT_DATA counts */
	/* Without the heap, when the process registered and had a limit: VmSize and VmData. */
	uint64_t first_mapped_bytes, first_data_bytes;
	uint32_t flags; /* enum segment_snapshot_flag */
	uint32_t pad;
	char creator_name[16]; /* of the process `creator_pid`, while it runs; else "" */
	uint64_t reserved[3];
};

enum segment_snapshot_flag {
	SNAPSHOT_PROCESS_GONE = 1u
				<< 0, /* the caller had ended: its limits are those it began with */
	SNAPSHOT_MOST_ENDED = 1u << 1, /* no process with `most_pid` ran */
};

/* How the recorder verified which process an image is. */
enum segment_identity_proof {
	IDENTITY_BY_CHILD = 1,  /* COMMAND: the recorder's own child */
	IDENTITY_BY_PEER_PIDFD, /* SO_PEERPIDFD of its call on the recorder's socket */
	IDENTITY_BY_PEER_CRED,  /* SO_PEERCRED of that call, pidfd_open(2), start_time */
	IDENTITY_BY_START_TIME, /* pidfd_open(2) of its slot's pid, start_time; maps the segment */
	IDENTITY_PROOF_END
};

/* Bits of segment_identity.flags. */
enum {
	IDENTITY_ENDED = 1u << 0,         /* the image has ended, at end_clock */
	IDENTITY_END_BY_KERNEL = 1u << 1, /* by its pidfd, or by wait(2); else as /proc had it */
	IDENTITY_REPLACED = 1u << 2,      /* by another image: the process goes on */
};

/*
 * Which process an image is, verified by the recorder while it held a pidfd of the process. Nothing
 * in it comes from the segment, which every process of the session may write to. A later row of an
 * instance takes the place of an earlier one. An image without a row was not verified.
 */
struct segment_identity {
	uint32_t instance;
	int32_t pid;            /* as the recorder sees it */
	uint32_t real_uid;      /* UINT32_MAX unknown */
	uint32_t effective_uid; /* when it was verified; UINT32_MAX unknown */
	uint64_t start_time;    /* proc(5) stat field 22, clock ticks after boot; 0 unknown */
	uint64_t known_clock;   /* when it was verified */
	uint64_t end_clock;     /* when the recorder learned of its end; 0 it has not ended */
	uint32_t proof;         /* enum segment_identity_proof */
	uint32_t flags;
	int32_t exit_status; /* -1 unknown, or none */
	int32_t exit_signal; /* 0 unknown, or none */
	uint64_t reserved[5];
};

enum segment_object_state { OBJECT_PRESENT = 1, OBJECT_GONE = 2 };

/* Bits of segment_object.flags. */
enum {
	OBJECT_WAS_SEEN = 1u << 0,  /* the kernel had it right after it was made */
	OBJECT_ELSEWHERE = 1u << 1, /* its creator was in another IPC namespace by then */
};

/*
 * An IPC object when the session ended, as the kernel had it in the session's IPC namespace. A row
 * for each object of the ledger that was left, or was gone though no call removed it, and for each
 * that was made since the session's start. Times are seconds since 1970; 0: never.
 */
struct segment_object {
	uint32_t kind; /* enum segment_object_kind */
	int32_t id;
	uint32_t state; /* enum segment_object_state; GONE: all below is 0, but for the flags */
	uint32_t key;
	uint32_t mode; /* permission bits, and 01000 when it was marked for removal */
	int32_t creator_pid, last_pid; /* as the recorder sees them; 0: of no process there */
	uint32_t owner_uid, owner_gid, creator_uid, creator_gid;
	uint32_t flags;
	uint64_t size;                        /* bytes of a segment */
	uint64_t nattch;                      /* attachments */
	uint64_t attached, detached, changed; /* changed: made, or IPC_SET */
	uint64_t resident_bytes, swap_bytes;
	unsigned char reserved[24];
};

/* A frame in a recording, which has only those that are in use. */
struct segment_frame_row {
	uint64_t number; /* index + 1 */
	uint64_t outer;
	uint64_t offset;
	uint64_t reserved;
};

SEGMENT_ASSERT(sizeof(struct segment_chunk) == 128);
SEGMENT_ASSERT(sizeof(struct segment_unfollowed) == 256);
SEGMENT_ASSERT(sizeof(struct segment_frame_row) == 32);
SEGMENT_ASSERT(sizeof(struct segment_snapshot) == 328);
SEGMENT_ASSERT(sizeof(struct segment_identity) == 96);
SEGMENT_ASSERT(sizeof(struct segment_object) == 128);

#endif
