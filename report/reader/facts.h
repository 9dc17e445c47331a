/* SPDX-License-Identifier: MIT */
/*
 * What the reader knows besides the events: the session, its processes, the tables, what was lost,
 * and what the kernel says. Text is NUL-terminated but otherwise as the program gave it. Times are
 * nanoseconds since the session's start.
 */
#ifndef MEMSHIM_READER_FACTS_H
#define MEMSHIM_READER_FACTS_H

#include "report/reader/event.h"
#include "report/reader/kernel_facts.h"

/* Why an event, or a fact, is missing. */
enum loss {
#define LOSS(id, name, meaning, who) LOST_##id,
#include "preload/segment/losses.def"
#undef LOSS
	LOST_DAMAGED, /* records of the file that make no sense */
	LOST_COUNT
};

enum session_state { SESSION_LIVE, SESSION_ENDED, SESSION_ABANDONED };

struct session_facts {
	char name[64];
	enum session_state state;
	bool recorded;      /* a recorder belongs to it */
	bool same_boot;     /* this machine, since its last start */
	bool same_ipc;      /* and surely the same table of System V objects */
	bool maybe_ipc;     /* by all that is known here it may be the same: its objects may tell */
	bool objects_known; /* the recorder kept what was left in that table at the end */
	/* Whether at the end the recorder looked for processes that it does not know, and found: */
	bool members_looked;
	int32_t unregistered_pid; /* one that had the session's segment mapped; 0 none */
	int32_t unreadable_pid;   /* one that may have had it; 0 none */
	bool rmid_forced;         /* kernel.shm_rmid_forced was on at the end, or is */
	bool same_pids;           /* the session's pids are the same processes here */
	uint64_t started_realtime_ns;
	uint64_t started_monotonic_ns; /* since the machine's start, wherever the wall clock goes */
	uint64_t duration_ns;
	uint64_t age_ns; /* since its start until now, by the wall clock */
	uint32_t page_bytes;
	uint32_t stack_depth; /* frames taken per event, at most */
	int32_t recorder_pid;
	int32_t command_pid; /* 0 unknown */
	bool finished;       /* exit_status and exit_signal are COMMAND's */
	int32_t exit_status;
	int32_t exit_signal;
	char host[65], kernel[65], machine[65];
	char command[1025]; /* words, each NUL-terminated */
	uint32_t command_bytes;
	bool segment_missing; /* what the recorder had not taken from it is not there */
	bool owner_known;     /* its files are of one user, owner_uid */
	uint32_t owner_uid;
	bool follows_all;      /* forks of its processes register as well */
	int64_t wall_drift_ns; /* how far the wall clock has gone ahead of the other since */
	uint32_t unsure_slots; /* slots that were reused although their processes may still run */
	bool truncated;        /* the file is shorter than it says */
};

/* By when they began: less than, equal to, or greater than 0. */
int session_compare(const struct session_facts *a, const struct session_facts *b);

enum process_state { STATE_RUNNING, STATE_EXITED, STATE_KILLED, STATE_EXEC, STATE_GONE };

enum coverage { COVERED_NOT, COVERED_CALLS, COVERED_FULL };

enum break_origin { BY_DIRECT, BY_MALLOC, BY_COUNT };

struct move_facts {
	uint64_t grows, shrinks, stills;
	uint64_t grown_bytes, shrunk_bytes;
};

/*
 * Whether something still runs, as the kernel says; where the kernel cannot be asked from here, as
 * the recorder saw, or as the process noted of itself. 0 proves nothing, and permits nothing.
 */
enum still { STILL_UNKNOWN, STILL_RUNS, STILL_ENDED };

/* One image of one process: from start, fork or exec to its end. */
struct process_facts {
	uint32_t instance, parent_instance;
	int32_t pid, ppid; /* as it sees them itself */
	int32_t host_pid;  /* as its recorder does, where that is known, and another; or 0 */
	uint32_t uid, image;
	bool forked, placeholder; /* placeholder: known by its events only */
	bool log_unmapped;
	uint32_t coverage; /* enum coverage */
	uint32_t state;    /* enum process_state */
	int32_t exit_status, exit_signal;
	uint64_t start_ns, end_ns; /* end_ns: when `ended` */
	bool ended;
	bool ran_at_end;     /* when the session ended, or was read */
	uint64_t start_time; /* proc(5) stat field 22; 0 unknown */
	uint64_t pid_namespace;
	uint64_t ipc_namespace; /* 0: the session's own */
	bool kept_with_object;  /* a placeholder as the ledger has it: who it was is known */
	uint32_t family;        /* the image whose memory its forks share, by instance; 0 unknown */
	enum still image_still; /* what the image's memory holds */
	enum still process_still; /* its process, in whatever image */
	uint64_t break_initial, break_at_start, break_current, break_peak;
	uint64_t queries;
	uint32_t attached, attached_peak, inherited;
	uint64_t begun[KIND_CALLS], ok[KIND_CALLS], failed[KIND_CALLS];
	struct move_facts moves[BY_COUNT];
	uint32_t lost[LOST_COUNT];
	char comm[17];
	char exe[161];
	char cmdline[137];
};

/* An attachment that stood when the tables were read. */
struct attachment_facts {
	uint32_t instance;
	int32_t shmid;
	bool inherited, readonly;
	uint64_t address;
	uint64_t since_ns;
};

/* A row of the session's own ledger of segments: exact, however much of the log is lost. */
struct ledger_facts {
	int32_t shmid;
	bool removed;
	uint32_t creator, remover; /* instances; 0 none */
	uint32_t key;
	uint32_t flags;
	uint64_t size; /* 0 unknown */
	uint64_t seen_ns, removed_ns;
	uint64_t attaches, detaches, inherited;
	uint32_t creator_stack, remover_stack; /* 0 none */
	uint32_t creator_family;               /* 0 unknown */
	uint64_t user_families; /* but the maker's: bit (family % 64) of who attached it */
};

/* A loaded file that frames of call stacks lie in. */
struct module_facts {
	uint32_t number;         /* from 1 on */
	uint32_t build_id_bytes; /* 0 none */
	unsigned char build_id[20];
	char path[225];
};

/* One frame, and with it all outer ones; a stack is named by its innermost frame. */
struct frame_facts {
	uint32_t number; /* from 1 on */
	uint32_t outer;  /* the caller's frame; 0: this is the outermost one known */
	uint32_t module; /* 0: in no loaded file, and offset is the address */
	bool exact;      /* where a signal interrupted, and no return address */
	bool cut;        /* the outermost one that was taken; there are more */
	uint64_t offset; /* from the module's load address */
};

/* Where an image has a module; a child of fork has its parent's. */
struct load_facts {
	uint32_t instance;
	uint32_t module;
	uint64_t address;
};

/*
 * What the kernel said right after a call that failed, or that named or removed a segment which
 * nobody of the session made (error 0). What the recorder could not find out is 0; shmid -1: no
 * such segment.
 */
struct snapshot_facts {
	uint64_t time_ns; /* of the event */
	uint32_t instance;
	uint32_t call, error;
	int32_t shmid;
	uint32_t key;
	uint64_t size;
	uint32_t mode, owner_uid;
	uint32_t caller_uid; /* effective, of the process that made the call */
	int32_t creator_pid;
	uint64_t used_segments, used_pages; /* of all segments together; or huge pages */
	uint64_t limit_segments, limit_pages, limit_size; /* of a break and shmat RLIMIT_AS */
	int32_t most_pid; /* whose creations take the most of what ran out */
	uint32_t most_segments;
	uint64_t most_pages;
	uint64_t next_start; /* of the first mapping above the break, or at shmat's address */
	uint64_t limit_data; /* RLIMIT_DATA; UINT64_MAX none */
	uint64_t memory_bytes, mapped_bytes; /* of the machine, with swap; of the process */
	uint64_t data_bytes;                 /* of the process, as RLIMIT_DATA counts them */
	/* The same two, without the heap, when the process registered. */
	uint64_t first_mapped_bytes, first_data_bytes;
	uint32_t overcommit; /* vm.overcommit_memory */
	uint32_t nattch;     /* of the segment */
	bool process_gone;   /* the limits are those that the caller began with */
	bool most_ended;     /* no process with `most_pid` ran */
	char most_name[17], next_name[97], creator_name[17];
};

/* How the recorder verified which process an image is, surest first; see recorded.h. */
enum identity_proof { PROOF_CHILD = 1, PROOF_PEER_PIDFD, PROOF_PEER_CRED, PROOF_START_TIME };

/*
 * Which process an image is, as the recorder verified by a pidfd and the kernel. Nothing in it
 * comes from memory that the session's processes can write.
 */
struct identity_facts {
	uint32_t instance;
	int32_t pid;                      /* as the recorder sees it */
	uint32_t real_uid, effective_uid; /* when it was verified; UINT32_MAX unknown */
	uint64_t start_time;              /* proc(5) stat field 22; 0 unknown */
	enum still process_still;         /* as the kernel says; unknown where it cannot be asked */
	uint32_t proof;                   /* enum identity_proof */
	uint64_t known_ns;
	bool ended, end_by_kernel; /* by pidfd or wait(2), and not by a look into /proc */
	bool replaced;             /* ended by another image of the process, which goes on */
	uint64_t end_ns;           /* if `ended` */
	int32_t exit_status;       /* -1 unknown, or none */
	int32_t exit_signal;       /* 0 unknown, or none */
};

/* A process that ran without the shim. */
struct unfollowed_facts {
	int32_t pid, ppid;
	const char *why;
	bool taken_back;     /* what was said of this pid before */
	bool suspected;      /* from its not having registered by then: the log may know better */
	uint32_t other_uid;  /* it acts as this user, to whom the segment is closed; 0 none */
	char other_user[33]; /* name of that user; "" unknown */
	char exe[233];
};

/* "overwritten" ...; null for a number that is none. */
const char *loss_name(unsigned loss);
/* What it means, in words. */
const char *loss_words(unsigned loss);

#endif
