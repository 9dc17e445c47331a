/* SPDX-License-Identifier: MIT */
/*
 * What happened in a session: its processes and their breaks, its segments and their holders, the
 * losses, and the findings. The reader's facts and events are added in this order; the model is
 * complete after model_finalize:
 *
 *    model_make ─▶ kernel's segments, objects, kernel snapshots ─▶ processes, unfollowed processes,
 *    losses ─▶ events ─▶ attachments, ledger, kernel's processes, holders ─▶ model_finalize
 *
 * Counters come from the slots of the processes and are exact. Events are used only for what
 * depends on the order of calls. The model does no input and no output. Without memory it keeps
 * what it has, and sets no_memory.
 */
#ifndef MEMSHIM_MODEL_H
#define MEMSHIM_MODEL_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "report/reader/facts.h"

struct model_segment;

#define CREATOR_LABEL_BYTES 96

struct model_attachment {
	struct model_segment *segment;
	uint64_t address;
	uint64_t since_ns;
	uint64_t bytes; /* the segment's size as known at the attach; 0 unknown */
	bool readonly, inherited;
};

struct model_process {
	struct process_facts facts;
	char label[CREATOR_LABEL_BYTES]; /* as a creator of objects: see creator.h */
	struct identity_facts identity;  /* instance 0: the recorder did not verify it */
	struct model_program *program;
	uint64_t event_count;
	struct model_attachment *attached; /* now */
	uint32_t attached_count, attached_capacity;
	uint32_t held_at_end;               /* not inherited attachments that its end detached */
	struct model_segment *held_segment; /* the segment of one of them */
	uint64_t attached_bytes, attached_peak_bytes;
	uint64_t last_before, last_after; /* the break before and after its last move */
	uint64_t gaps;                    /* moves of the break without an event */
	uint64_t last_move_ns;
	uint64_t highest; /* the highest break after any move with an event */
	uint32_t direct_stack, shrink_stack, highest_stack; /* of the last such move; 0 none */
	uint32_t shmget_error; /* of the last shmget that failed; 0: none failed */
	uint64_t shmget_refused_ns;
	struct model_segment *blocked_by; /* blocked a move of the break */
	uint64_t blocked_room_bytes;      /* from the break to that segment */
	uint32_t blocked_stack;
	struct model_segment *repeated; /* attached again while it was attached */
	uint32_t repeated_count;        /* the most attachments at one time */
	uint32_t repeated_stack;
	bool many_threads;
	bool break_differs; /* from the kernel's break, while no call was in progress */
	bool headroom_known;
	uint64_t headroom_bytes;
};

struct model_tally {
	uint32_t creators, last_creator; /* processes */
	uint64_t segments, pages;
};

/* An executable file: findings are about all its processes together. */
struct model_program {
	UT_hash_handle hh;
	uint32_t process_count;
	struct model_tally tally; /* scratch, while the segments of all programs are counted */
	char exe[];               /* "" unknown */
};

enum model_created {
	CREATED_NOT,    /* from before the session, or no shmget of the session named it */
	CREATED_LIKELY, /* IPC_CREAT: as far as is known, it did not exist */
	CREATED_SURELY, /* IPC_PRIVATE, IPC_EXCL, or the kernel says so */
};

enum model_segment_state {
	SEGMENT_PRESENT,
	SEGMENT_MARKED,
	SEGMENT_DESTROYED,
	SEGMENT_VANISHED,
};

/* Why it is unknown which processes may still use an object. */
enum model_doubt {
	DOUBT_NONE,
	DOUBT_FAMILY,       /* the creator's relatives are not known */
	DOUBT_UNREGISTERED, /* a process has the session's segment mapped, and no slot */
	DOUBT_UNREADABLE,   /* a process may have no slot, and /proc/PID/maps is unreadable */
};

/* Whether all processes of a group ended; `instance`: one that runs or may run, 0 unknown. */
struct model_kin {
	enum still still;
	uint32_t instance;
};

/* Which processes may still use an object that no process has attached: see family.c. */
struct model_family {
	struct model_kin creator;   /* its process, in any image */
	struct model_kin relatives; /* processes with the creator's memory, by fork */
	struct model_kin users;     /* other processes that attached it */
	enum model_doubt doubt;
	int32_t doubt_pid; /* 0: /proc could not be read */
};

#define SEGMENT_USERS 8u /* of those that have not ended, how many are kept */

/* Whether a segment of the session's end exists now, by the kernel. */
enum model_presence {
	PRESENCE_UNKNOWN, /* perhaps another namespace, or another object with this id */
	PRESENCE_HERE,
	PRESENCE_REMOVED,
};

/* One System V segment; after IPC_RMID the same id means another segment. */
struct model_segment {
	UT_hash_handle hh; /* by space and shmid; the latest segment with this id */
	uint32_t place;    /* its index in struct model_segments */
	uint64_t space;    /* its IPC namespace; 0: the session's own */
	int32_t shmid;
	uint32_t no_gap; /* the key has none */
	uint32_t key;
	bool key_known;
	uint64_t size;  /* 0 unknown */
	uint32_t flags; /* of the shmget that named it */
	bool flags_known;
	uint32_t mode, owner_uid; /* at creation, or after the last IPC_SET */
	bool owner_known;         /* both */
	enum model_created created;
	uint32_t creator, remover; /* instances; 0 none */
	uint32_t creator_stack, remover_stack;
	uint64_t seen_ns, removed_ns;
	bool removed;
	uint64_t attaches, detaches, inherited;
	uint64_t now, peak; /* attachments of the session's processes */
	uint64_t found;     /* of the kernel's nattch, mappings found in /proc/PID/maps */
	bool in_kernel;     /* `kernel` is valid */
	bool kernel_asked;
	struct kernel_segment kernel; /* when the session ended; while it goes on, now */
	bool surely_same; /* proved by the creator's pid, the size and the time of creation */
	enum model_segment_state state;
	uint32_t creator_family; /* as the ledger has it; 0 unknown */
	uint64_t user_families;  /* of other processes that attached it: bit (family % 64) */
	struct model_family family;
	bool leaked;
	bool orphaned;      /* as leaked, but a relative of the creator that never used it runs */
	bool users_unknown; /* more processes used it than are kept */
	uint32_t users[SEGMENT_USERS]; /* instances that named, attached or asked for it; 0 none */
	uint64_t held_at_end; /* attachments of processes that ran when the session ended */
	bool was_seen;        /* vanished: it was in the session's IPC namespace before */
	bool elsewhere;       /* its creator had moved to another IPC namespace */
	enum model_presence presence;
	struct kernel_segment current;         /* if PRESENCE_HERE */
	const struct model_reaped_row *reaped; /* removed by memshim reap; null: not known */
	bool leaked_now, orphaned_now;         /* as above, by what is known now */
	const struct snapshot_facts
		*met; /* of a segment from before the session; null: none was taken */
	const struct snapshot_facts *removal; /* right after its IPC_RMID; null: none was taken */
	/* The segments with its key before and after it; null none. After model_finalize. */
	const struct model_segment *predecessor, *successor;
};

enum model_ending {
	ENDED_BY_SHMDT,
	ENDED_BY_EXEC,
	ENDED_BY_EXIT,
	ENDED_BY_REMAP, /* SHM_REMAP replaced it */
	ENDED_UNSEEN,   /* munmap or another mapping: /proc/PID/maps does not show it */
};

/* An attachment that has ended. */
struct model_past {
	const struct model_process *process;
	struct model_attachment attachment;
	uint64_t until_ns;
	enum model_ending how;
};

/* IPC_SET: the owner and the mode of a segment from then on. */
struct model_change {
	const struct model_segment *segment;
	uint32_t instance, stack;
	uint64_t time_ns;
	uint32_t mode, uid, gid;
};

/* All failures of one kind in one program. */
#define FAILURE_STACKS 16u
struct model_failure {
	UT_hash_handle hh;
	struct failure_key {
		const struct model_program *program;
		uint32_t call, error;
	} key;
	uint64_t count;
	uint64_t in_kernel; /* of `count`, refused by the kernel and not by libc */
	uint32_t process;   /* instance of the first failure */
	bool one_process;
	int32_t shmid;  /* -1 unknown or several */
	uint32_t stack; /* of the first failure; 0 none */
	uint32_t stacks[FAILURE_STACKS],
		stack_count; /* the different ones; above FAILURE_STACKS: only counted */
	struct event first;
	char *why; /* of the first failure, by the log before it; null: only call and error are
		      known */
	const char *advice; /* null: the advice of the table of failures */
	bool sure;          /* `why` and `advice` hold whatever the recorder read in addition */
	/* ENOSPC: the program with the most segments then, and how many of its processes created
	 * them. */
	const struct model_program *most;
	uint32_t most_creators;
	uint64_t most_segments, most_pages;
};

enum finding_kind {
#define FINDING(id, name, meaning) FINDING_##id,
#include "report/model/findings.def"
#undef FINDING
	FINDING_COUNT
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE };

struct finding {
	enum finding_kind kind;
	enum severity severity;
	char *text, *advice;
	int32_t pid;                         /* 0 none */
	int32_t shmid;                       /* -1 none */
	uint32_t stack_instance, stack;      /* of the call that it is about; 0 unknown */
	const char *program[2];              /* that caused it, as paths where known; null none */
	const struct model_failure *failure; /* the failed calls that it is about; null none */
};

/* Where an image has a module. */
struct model_load {
	UT_hash_handle hh;
	struct load_key {
		uint32_t instance, module;
	} key;
	uint64_t address;
	bool moved; /* loaded again at another address: an event may mean either */
};

/* How far the addresses of a module can be named, best first. */
enum module_names {
	NAMES_LINES,     /* functions and lines */
	NAMES_FUNCTIONS, /* no lines */
	NAMES_EXPORTED,  /* stripped: only exported symbols */
	NAMES_CHANGED,   /* the file is not the one that was loaded */
	NAMES_MISSING,   /* there is no such file, or it cannot be read */
	NAMES_SLOW,      /* reading it took too long */
	NAMES_LARGE,     /* reading it took too much memory */
	NAMES_BROKEN,    /* reading it failed: it is damaged */
	NAMES_UNREAD,    /* no process could be started to read it */
	NAMES_NOT_ASKED,
};

struct model_module {
	struct module_facts facts;
	enum module_names names;
	uint32_t nameless; /* frames in it without a name */
};

/* The source of an address; inlined functions give several places, innermost first. */
struct frame_place {
	const char *function; /* null unknown */
	const char *file;     /* null unknown */
	uint32_t line;        /* 0 unknown */
	bool inlined;         /* into the function of the next place */
};
#define FRAME_PLACES_MAX 16u

/* The places of one address of a module. The texts belong to the caller of model_add_name. */
struct model_name {
	UT_hash_handle hh;
	struct name_key {
		uint64_t offset;
		uint32_t module, exact;
	} key;
	uint32_t count;
	struct frame_place places[];
};

/* One frame of a call stack, as the views want it. */
struct stack_frame {
	const struct model_module *module; /* null: in no loaded file */
	const struct model_name *name;     /* null: it has none */
	uint64_t offset;                   /* from the module's load address */
	uint64_t pc;                       /* 0: not known */
	bool exact;                        /* a signal interrupted there: pc is no return address */
	bool is_signal;                    /* a signal's arrival, between handler and interrupted */
	bool cut;                          /* the outermost one that was taken; there are more */
};
#define STACK_FRAMES_MAX 64u

/* All calls of one kind from one call stack. */
struct model_site {
	uint32_t stack;
	uint32_t instance; /* of the first */
	uint32_t next;     /* of the same stack: index + 1; 0 none */
	uint8_t call;      /* enum event_kind */
	bool by_malloc;
	bool several_processes;
	uint64_t count; /* failed ones too */
	uint64_t failed;
	uint64_t bytes;         /* grown, made or attached */
	uint64_t earlier_bytes; /* at an earlier sample, by trend.h; 0: there was none */
	uint64_t given_back_bytes;
};

/* The kernel snapshot of an event that named a segment from before the session. */
struct model_find {
	UT_hash_handle hh;
	uint64_t time_ns; /* of the event */
	struct snapshot_facts snapshot;
};

struct model_kernel_row {
	UT_hash_handle hh;
	struct kernel_segment segment;
};

/* What `memshim reap` has noted of a segment that it removed. */
struct model_reaped_row {
	UT_hash_handle hh;
	struct kernel_segment segment;
	uint64_t removed_s; /* since 1970 */
	uint32_t uid;       /* the user that ran it */
};

struct model_object_row {
	UT_hash_handle hh;
	struct object_facts facts;
};

/* The processes of the session, with and without the shim. */
struct model_processes {
	struct model_process **by_instance; /* null where there is none */
	uint32_t instance_capacity;
	uint32_t count, placeholder_count;
	struct model_program *programs;
	struct unfollowed_facts *unfollowed;
	uint32_t unfollowed_count, unfollowed_capacity;
};

struct model_segments {
	struct model_segment **rows; /* in the order in which they were first seen */
	uint32_t count, capacity;
	struct model_segment *by_shmid;
};

/* Attachments that have ended, and changes of segments. */
struct model_history {
	struct model_past *past;
	uint32_t past_count, past_capacity;
	uint64_t past_omitted;
	struct model_past *recent; /* a ring of the newest; null in a copy */
	uint32_t recent_capacity;
	uint64_t recent_count; /* of all that were ever added */
	struct model_change *changes;
	uint32_t change_count, change_capacity;
	uint64_t changes_omitted;
};

struct model_findings {
	struct finding *rows;
	uint32_t count, capacity;
	uint32_t suppressed_count, omitted_count; /* not among the rows */
	struct model_failure *failures, *last_failure;
};

/* What the kernel said: at single calls, when the session ended, and now. */
struct model_kernel {
	struct model_kernel_row *rows; /* the segments, as the kernel has them now */
	bool known; /* the rows are complete; for their namespace see session.same_ipc */
	struct model_reaped_row *reaped_rows;
	struct model_object_row *object_rows; /* as the recorder found them at the end */
	struct snapshot_facts *snapshots;
	uint32_t snapshot_count, snapshot_capacity;
	struct model_find *finds;      /* by time */
	struct kernel_holder *holders; /* by pid and address, after model_finalize */
	uint32_t holder_count, holder_capacity;
	bool holders_known;
	uint64_t holders_ns; /* the holders lack attachments made after this time; 0: they lack none
			      */
};

/* Call stacks, and the names of their frames. */
struct model_stacks {
	struct frame_facts *frames; /* by number; number 0 where there is none */
	uint32_t frame_capacity;
	struct model_module **modules; /* by number */
	uint32_t module_capacity;
	struct model_name *names;
	struct model_load *loads;
	uint32_t deepest_cut; /* frames of the deepest stack that was cut; 0: none was */
};

struct model_sites {
	const struct filter *filter; /* the processes to count calls of; null: all */
	struct model_site *rows;     /* in the order in which they were first seen */
	uint32_t count, capacity;
	uint32_t *latest_of_stack; /* index + 1 */
	uint32_t stack_capacity;
};

/* What is missing. */
struct model_losses {
	uint64_t lost[LOST_COUNT];
	uint64_t missed; /* events that are not lost, but came too fast for this reader */
	uint64_t in_flight, unseen_moves;
	enum coverage level;
};

struct model {
	struct session_facts session;
	const char *file; /* for commands that the advice names; null: they find it without */
	const struct model *original; /* of a copy: it owns names, modules and more; else null */
	struct model_processes processes;
	struct model_segments segments;
	struct model_history history;
	struct model_findings findings;
	struct model_kernel kernel;
	struct model_stacks stacks;
	struct model_sites sites;
	struct model_losses losses;
	uint64_t event_count, last_ns;
	uint64_t attachment_count; /* of all processes, now */
	bool no_memory;
};

struct model *model_make(const struct session_facts *session);
void model_free(struct model *model);

/*
 * A copy to draw conclusions from, while the original goes on. Null without memory. It is freed
 * before the original, and read only as long as the original gets no events, frames or names.
 */
struct model *model_copy(const struct model *from);

void model_add_kernel_segment(struct model *model, const struct kernel_segment *segment);
void model_add_object(struct model *model, const struct object_facts *object);
void model_add_reaped(struct model *model, const struct kernel_segment *segment, uint64_t removed_s,
		      uint32_t uid);
/*
 * After the kernel's rows, the objects and the tables: an object that is surely the same proves
 * that this IPC namespace is the session's, where that was not known.
 */
void model_recognize_namespace(struct model *model);
/* Forgets those rows, so that newer ones can be added. */
void model_forget_kernel(struct model *model);
void model_add_snapshot(struct model *model, const struct snapshot_facts *snapshot);
void model_add_process(struct model *model, const struct process_facts *facts);
/* After its process. */
void model_add_identity(struct model *model, const struct identity_facts *facts);
/* The creator of an object, as the ledger has it: for a process whose slot is another's by now. */
void model_add_creator(struct model *model, const struct process_facts *facts);
void model_add_unfollowed(struct model *model, const struct unfollowed_facts *facts);

/* What to do about a process of another user, to which the segment was closed: one line. */
#define UNFOLLOWED_ADVICE_BYTES 256
void unfollowed_advice(const struct unfollowed_facts *process, char *text, size_t bytes);
void model_add_loss(struct model *model, enum loss loss, uint64_t count);

/* Call stacks; the same row may come again. */
void model_add_module(struct model *model, const struct module_facts *facts);
void model_add_frame(struct model *model, const struct frame_facts *facts);
void model_add_load(struct model *model, const struct load_facts *facts);

/* Events in order, one or many. */
void model_feed_all(struct model *model, const struct event *events, uint32_t count);

static inline void model_feed(struct model *model, const struct event *event)
{
	model_feed_all(model, event, 1);
}

void model_add_attachment(struct model *model, const struct attachment_facts *facts);
void model_add_ledger(struct model *model, const struct ledger_facts *facts);
void model_add_kernel_process(struct model *model, const struct kernel_process *facts);

/* Whether there is a segment that somebody might hold: only then holders are looked for. */
bool model_wants_holders(const struct model *model);
void model_add_holder(struct model *model, const struct kernel_holder *holder);

/* Draws the conclusions. */
void model_finalize(struct model *model);

/* ---- questions; valid at any time ---- */

/* Null when the instance is not known. */
static inline struct model_process *model_process(const struct model *model, uint32_t instance)
{
	return instance < model->processes.instance_capacity
		       ? model->processes.by_instance[instance]
		       : NULL;
}

/* Which process an image is, as the recorder verified it; null when it did not. */
static inline const struct identity_facts *model_identity(const struct model *model,
							  uint32_t instance)
{
	const struct model_process *process = model_process(model, instance);

	return process && process->identity.instance ? &process->identity : NULL;
}

/* Whether a process is meant: by the pid that it sees, or that its recorder does. */
static inline bool model_has_pid(const struct process_facts *facts, int32_t pid)
{
	return facts->pid == pid || (facts->host_pid && facts->host_pid == pid);
}

/* A process's pid in the recorder's pid namespace, and in the reader's; 0 unknown. */
int32_t model_recorders_pid(const struct process_facts *facts);
int32_t model_pid_here(const struct model *model, const struct process_facts *facts);

/* The segment that has this id now, or had it last; null when it was never seen. */
struct model_segment *model_segment(const struct model *model, int32_t shmid);
struct model_segment *model_segment_in(const struct model *model, uint64_t space, int32_t shmid);

/* The IPC namespace of an image; 0: the session's own. */
static inline uint64_t model_space(const struct model *model, uint32_t instance)
{
	const struct model_process *process = model_process(model, instance);

	return process ? process->facts.ipc_namespace : 0;
}

/* The segment that an event is about; null when that is not known. After the event was fed. */
const struct model_segment *model_event_segment(const struct model *model,
						const struct event *event);

/* The permissions, as last known; false when they are not. */
bool model_segment_mode(const struct model_segment *segment, uint32_t *mode);

uint64_t model_moves(const struct process_facts *facts);
/* Of these, those that succeeded and left the break where it was. */
uint64_t model_stills(const struct process_facts *facts);
uint64_t model_grown(const struct process_facts *facts);
uint64_t model_shrunk(const struct process_facts *facts);

/* Puts names to an address; places may be none. */
void model_add_name(struct model *model, const struct name_key *key,
		    const struct frame_place *places, uint32_t count);
const struct model_name *model_name(const struct model *model, const struct name_key *key);

/* Whether the frames of this stack are known. */
bool model_knows_stack(const struct model *model, uint32_t stack);

/* The frames of an image's stack, innermost first; how many. */
uint32_t model_stack(const struct model *model, uint32_t instance, uint32_t stack,
		     struct stack_frame frames[STACK_FRAMES_MAX]);

/*
 * The frame that wanted memory: the first that is no allocator's. When libc and the loader did it
 * among themselves, the first in another file than the allocator's.
 */
uint32_t model_caller(const struct stack_frame *frames, uint32_t count);

/* The running image of a holder; null when it is not of this session. After model_finalize. */
const struct model_process *model_holder_process(const struct model *model,
						 const struct kernel_holder *holder);

/*
 * Whether a mapping is of the segment. One of a process of another IPC namespace may be (who leaves
 * keeps what it has attached) where the kernel counts more attachments than were found in this one.
 */
bool model_holds(const struct model *model, const struct model_segment *segment,
		 const struct kernel_holder *holder);

/* Events and facts that are missing, all causes together. */
uint64_t model_lost(const struct model *model);

/* Events that are known to have been, and are not in the log: what is drawn from it is a part. */
uint64_t model_events_missing(const struct model *model);

/* The program's path; the thread's name when it is not known. */
const char *model_program(const struct process_facts *facts);

/* The program's name without its folder; the thread's name when there is none. */
const char *model_program_name(const struct process_facts *facts);

const char *model_finding_name(enum finding_kind kind);
/* -1 for a name that is none. */
int model_finding_kind(const char *name);
/* How many findings are more than notes. */
uint32_t model_attention(const struct model *model);

/* ---- for the files of this room ---- */

/* Makes capacity for one more element; false, with no_memory set, without memory. */
bool model_grow(struct model *model, void **array, uint32_t *capacity, uint32_t count,
		size_t element_bytes);

/* Makes capacity up to index `number`; new elements are zero. False, with no_memory set, without
 * memory. */
bool model_make_capacity(struct model *model, void **array, uint32_t *capacity, uint32_t number,
			 size_t element_bytes);

/* A process known only by its events, since its slot is lost. Null when it is implausible. */
struct model_process *model_make_placeholder(struct model *model, const struct event *event);

#endif
