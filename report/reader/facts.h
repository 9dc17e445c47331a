/* SPDX-License-Identifier: MIT */
/*
 * What the reader returns besides events: the session, its processes, the rows of its tables,
 * losses, and what the kernel reports. Text ends with NUL; its other bytes are as the program gave
 * them. Times are nanoseconds since the session's start.
 */
#ifndef MEMSHIM_READER_FACTS_H
#define MEMSHIM_READER_FACTS_H

#include "report/procfs/kernel_rows.h"
#include "report/reader/event.h"
#include "report/reader/identity_facts.h"
#include "report/reader/object_facts.h"

/* Why an event, or a fact, is missing. */
enum loss {
#define LOSS(id, name, meaning, who) LOST_##id,
#include "preload/segment/losses.def"
#undef LOSS
	LOST_DAMAGED, /* records of the file that are not valid */
	LOST_COUNT
};

enum session_state { SESSION_LIVE, SESSION_ENDED, SESSION_ABANDONED };

struct session_facts {
	char name[64];
	enum session_state state;
	bool recorded;  /* it has, or had, a recorder */
	bool same_boot; /* this machine has not restarted since */
	bool same_ipc;  /* and this is surely the same IPC namespace */
	bool maybe_ipc; /* it may be the same IPC namespace; comparing its objects may prove it */
	bool objects_known; /* the recorder stored the objects left at the end */
	/* At the end the recorder searched for unregistered processes of the session, and found: */
	bool members_scanned;
	int32_t unregistered_pid; /* had the session's segment mapped; 0 none */
	int32_t unreadable_pid;   /* may have had it mapped; 0 none */
	bool rmid_forced;         /* kernel.shm_rmid_forced was on at the end, or is */
	bool same_pids;           /* the session's pids are the same processes here */
	uint64_t started_realtime_ns;
	uint64_t
		started_monotonic_ns; /* CLOCK_MONOTONIC: unaffected by changes of the wall clock */
	uint64_t duration_ns;
	uint64_t age_ns; /* since its start until now, by the wall clock */
	uint32_t page_bytes;
	uint32_t stack_depth; /* most frames per event */
	int32_t recorder_pid;
	int32_t command_pid; /* 0 unknown */
	bool finished;       /* exit_status and exit_signal are COMMAND's */
	int32_t exit_status;
	int32_t exit_signal;
	char host[65], kernel[65], machine[65];
	char command[1025]; /* words, each NUL-terminated */
	uint32_t command_bytes;
	bool segment_missing; /* events that the recorder had not yet copied are lost */
	bool owner_known;     /* all its files belong to owner_uid */
	uint32_t owner_uid;
	bool follows_all;      /* forks of its processes register as well */
	int64_t wall_drift_ns; /* how far the wall clock ran ahead of CLOCK_MONOTONIC */
	uint32_t unsure_slots; /* slots reused although their process may still run */
	bool truncated;        /* the file is shorter than its header says */
};

/* Compares their starts, as a comparison function of qsort(3). */
int session_compare(const struct session_facts *a, const struct session_facts *b);

enum process_state { STATE_RUNNING, STATE_EXITED, STATE_KILLED, STATE_EXEC, STATE_GONE };

enum coverage { COVERED_NOT, COVERED_CALLS, COVERED_FULL };

enum break_origin { BY_DIRECT, BY_MALLOC, BY_COUNT };

struct move_facts {
	uint64_t grows, shrinks, stills;
	uint64_t grown_bytes, shrunk_bytes;
};

/* One image of one process: from start, fork or exec to its end. */
struct process_facts {
	uint32_t instance, parent_instance;
	int32_t pid, ppid; /* in its own pid namespace */
	int32_t host_pid;  /* in the recorder's pid namespace, if that is another and known; else 0
			    */
	uint32_t uid, image;
	bool forked, placeholder; /* placeholder: only its events are known */
	bool log_unmapped;
	uint32_t coverage; /* enum coverage */
	uint32_t state;    /* enum process_state */
	int32_t exit_status, exit_signal;
	uint64_t start_ns, end_ns; /* end_ns: valid if `ended` */
	bool ended;
	bool ran_at_end;     /* at the session's end, or now if it is live */
	uint64_t start_time; /* proc(5) stat field 22; 0 unknown */
	uint64_t pid_namespace;
	uint64_t ipc_namespace;   /* 0: the session's own */
	bool kept_with_object;    /* a placeholder whose pid, uid and program the ledger keeps */
	uint32_t family;          /* the image that began its family of forks; 0 unknown */
	enum still image_still;   /* the image, whose memory may hold ids and addresses */
	enum still process_still; /* its process, in this image or a later one */
	uint64_t break_initial, break_at_start, break_current, break_peak;
	uint64_t queries;
	uint32_t attached, attached_peak, inherited;
	uint64_t begun[KIND_CALLS], ok[KIND_CALLS], failed[KIND_CALLS];
	struct move_facts moves[BY_COUNT];
	bool mappings_watched;               /* record -a; the next three are 0 without it */
	uint32_t mapped_count[MAPPED_COUNT]; /* mmap calls of anonymous memory */
	uint64_t mapped_bytes[MAPPED_COUNT]; /* reserved by them */
	uint32_t file_mappings;              /* mmap calls that are not in the log */
	uint32_t lost[LOST_COUNT];
	char comm[17];
	char exe[161];
	char cmdline[137];
};

/* A loaded file that contains frames of call stacks. */
struct module_facts {
	uint32_t number;         /* from 1 on */
	uint32_t build_id_bytes; /* 0 none */
	unsigned char build_id[20];
	char path[225];
};

/* One frame. It also stands for all outer ones: a stack's number is its innermost frame's. */
struct frame_facts {
	uint32_t number; /* from 1 on */
	uint32_t outer;  /* the caller's frame; 0: no outer frame is known */
	uint32_t module; /* 0: in no loaded file; then offset is the address */
	bool exact;      /* the address a signal interrupted, not a return address */
	bool cut;        /* the last frame that was recorded; the stack is deeper */
	uint64_t offset; /* from the module's load address */
};

/* The name of code that an image made while it ran, at the address of a frame in no module. */
struct jit_name_facts {
	uint32_t instance;
	uint64_t address;
	char name[117];
};

/* Where an image has loaded a module. A child of fork has its parent's modules. */
struct load_facts {
	uint32_t instance;
	uint32_t module;
	uint64_t address;
};

/* What an image wrote over its arguments, as servers do. */
struct title_facts {
	uint32_t instance;
	char text[125];
};

/*
 * A kernel snapshot: what the recorder read right after a call that failed, or after a call with a
 * segment that no process of the session created (error 0). A value that the recorder could not
 * read is 0. shmid -1: no such segment.
 */
struct snapshot_facts {
	uint64_t time_ns; /* of the event */
	uint32_t instance;
	uint32_t call, error;
	int32_t shmid;
	uint32_t key;
	uint64_t size;
	uint32_t mode, owner_uid;
	uint32_t caller_uid; /* effective uid of the calling process */
	int32_t creator_pid;
	uint64_t used_segments, used_pages; /* of all segments together; or of huge pages */
	uint64_t limit_segments, limit_pages,
		limit_size; /* limit_size of brk and shmat: RLIMIT_AS */
	int32_t most_pid;   /* creator of the most segments or pages, by what ran out */
	uint32_t most_segments;
	uint64_t most_pages;
	uint64_t next_start; /* of the first mapping above the break, or at shmat's address */
	uint64_t limit_data; /* RLIMIT_DATA; UINT64_MAX none */
	uint64_t memory_bytes, mapped_bytes; /* of the machine with swap; of the process */
	uint64_t data_bytes;                 /* of the process, as RLIMIT_DATA counts it */
	/* mapped_bytes and data_bytes, without the heap, when the process registered. */
	uint64_t first_mapped_bytes, first_data_bytes;
	uint32_t overcommit; /* vm.overcommit_memory */
	uint32_t nattch;     /* of the segment */
	bool process_gone;   /* the limits are those at the caller's start */
	bool most_ended;     /* the process `most_pid` had ended */
	char most_name[17], next_name[97], creator_name[17];
};

/* What the kernel reports of a running process. */
struct kernel_process {
	uint32_t instance;
	bool break_differs; /* the break moved without a recorded call */
	bool headroom_known;
	uint64_t headroom_bytes; /* from the break to the next mapping */
};

/* An unfollowed process: it runs, or ran, without the shim. */
struct unfollowed_facts {
	int32_t pid, ppid;
	const char *why;
	bool taken_back;     /* it has registered: an earlier row of this pid is wrong */
	bool suspected;      /* only because it had not registered then: the log may disprove it */
	uint32_t other_uid;  /* it acts as this user, who may not open the segment; 0 none */
	char other_user[33]; /* name of that user; "" unknown */
	char exe[233];
};

/* "overwritten" ...; null when the loss does not exist. */
const char *loss_name(unsigned loss);
/* Its meaning, as a phrase. */
const char *loss_words(unsigned loss);

/* The reasons of unfollowed.def, for rooms that may not include the layout. */
enum unfollowed_why {
#define UNFOLLOWED(id, why) WHY_##id,
#include "preload/segment/unfollowed.def"
#undef UNFOLLOWED
	WHY_COUNT
};

/* The reason as a phrase; "unknown" when the number is out of range. */
const char *unfollowed_words(unsigned why);

#endif
