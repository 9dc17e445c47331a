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

#include "report/model/attachments.h"
#include "report/model/creator.h"
#include "report/model/findings.h"
#include "report/model/heap.h"
#include "report/model/mappings.h"
#include "report/model/operations.h"
#include "report/model/segments.h"
#include "report/model/sites.h"
#include "report/model/spark.h"
#include "report/model/stacks.h"
#include "report/model/verdicts.h"
#include "report/model/wrappers.h"
#include "report/reader/facts.h"
#include "report/util/array.h"
#include "report/util/hash.h"

struct model_process {
	struct process_facts facts;
	char label[CREATOR_LABEL_BYTES]; /* see model_process_label; "": the program */
	char title[sizeof((struct title_facts *)0)->text]; /* over its arguments; "": none */
	struct identity_facts identity; /* instance 0: the recorder did not verify it */
	struct model_program *program;
	uint64_t event_count;
	struct model_attachment *attached; /* now */
	uint32_t attached_count, attached_capacity;
	struct heap *heap;                  /* null: its break did not move, nor its parent's */
	struct mappings *mappings;          /* null: none was recorded, nor its parent's */
	uint64_t unknown_kept_bytes;        /* its part of sites.unknown_kept_bytes */
	uint32_t held_at_end;               /* not inherited attachments that its end detached */
	struct model_segment *held_segment; /* the segment of one of them */
	uint64_t attached_bytes, attached_peak_bytes;
	uint64_t last_before, last_after; /* the break before and after its last move */
	uint64_t gaps;                    /* moves of the break without an event */
	uint64_t last_move_ns;
	struct spark spark;
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
	bool refuted; /* it may be a process that seemed unfollowed: see finalize.c */
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

/* The processes of the session, with and without the shim. */
struct model_processes {
	struct model_process **by_instance; /* null where there is none */
	uint32_t instance_capacity;
	uint32_t count, placeholder_count;
	struct model_program *programs;
	struct unfollowed_facts *unfollowed;
	uint32_t unfollowed_count, unfollowed_capacity;
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

/* What is missing. */
struct model_losses {
	uint64_t lost[LOST_COUNT];
	uint64_t missed; /* events that are not lost, but came too fast for this reader */
	uint64_t in_flight, unseen_moves;
	enum coverage level;
};

struct model {
	struct session_facts session;
	const char *file; /* for commands in the advice; null: they find it on their own */
	const struct model *original; /* of a copy: it owns names, modules and more; else null */
	struct model_processes processes;
	struct model_segments segments;
	struct model_segments objects;      /* semaphore sets and queues: see objects.h */
	struct model_operations operations; /* from the tables: each copy has its own */
	struct model_history history;
	struct model_findings findings;
	struct model_kernel kernel;
	struct model_stacks stacks;
	struct model_sites sites;
	struct model_wrappers *wrappers; /* of the original, for its copies too */
	struct model_losses losses;
	uint64_t event_count, last_ns;
	uint64_t attachment_count; /* of all processes, now */
	uint64_t inherited_pieces; /* of heaps that forks copied: see heap.h */
	bool no_memory;
};

struct model *model_make(const struct session_facts *session);
void model_free(struct model *model);

/* Forgets the kernel's segments, so that newer rows can be added. */
void model_drop_kernel_rows(struct model *model);
void model_add_process(struct model *model, const struct process_facts *facts);
/* Call it after model_add_process of the image. */
void model_add_identity(struct model *model, const struct identity_facts *facts);
void model_add_title(struct model *model, const struct title_facts *facts);
/* Adds the creator of an object from the ledger, for a process that has lost its slot. */
void model_add_creator(struct model *model, const struct process_facts *facts);
void model_add_unfollowed(struct model *model, const struct unfollowed_facts *facts);

void model_add_loss(struct model *model, enum loss loss, uint64_t count);

void model_add_kernel_process(struct model *model, const struct kernel_process *facts);

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

/* Whether the process has this pid, in its own pid namespace or in the recorder's. */
static inline bool model_has_pid(const struct process_facts *facts, int32_t pid)
{
	return facts->pid == pid || (facts->host_pid && facts->host_pid == pid);
}

/* A process's pid in the recorder's pid namespace, and in the reader's; 0 unknown. */
int32_t model_recorders_pid(const struct process_facts *facts);
int32_t model_pid_here(const struct model *model, const struct process_facts *facts);

/* The IPC namespace of an image; 0: the session's own. */
static inline uint64_t model_space(const struct model *model, uint32_t instance)
{
	const struct model_process *process = model_process(model, instance);

	return process ? process->facts.ipc_namespace : 0;
}

uint64_t model_moves(const struct process_facts *facts);
/* The moves that succeeded and left the break where it was. */
uint64_t model_stills(const struct process_facts *facts);
uint64_t model_grown(const struct process_facts *facts);
uint64_t model_shrunk(const struct process_facts *facts);
/* The highest break minus the first one. */
uint64_t model_heap_peak(const struct process_facts *facts);

/*
 * How much of a process's anonymous memory its break explains at most, at the sample with the most.
 * False where it is not known: the samples of a process that grows and ends between two of them say
 * nothing about its peak.
 */
bool model_break_share(const struct model_process *process, unsigned *percent);
/* Calls that failed, of all kinds. */
uint64_t model_failed(const struct process_facts *facts);

/* Events and facts that are missing, all causes together. */
uint64_t model_lost(const struct model *model);

/* Events that happened and are not in the log. */
uint64_t model_events_missing(const struct model *model);

/* The program's path; the thread's name when the path is not known. */
const char *model_program(const struct process_facts *facts);

/* The program's name without its folder; the thread's name when there is none. */
const char *model_program_name(const struct process_facts *facts);

/* Its name for people: with the script of an interpreter, or the role of a server. */
const char *model_process_label(const struct model_process *process);

/* ---- for the files of this room ---- */

/* ARRAY_RESERVE of an array of the model; without memory it sets no_memory, too. */
#define MODEL_RESERVE(model, array, capacity, wanted) \
	(ARRAY_RESERVE(array, capacity, wanted) || !((model)->no_memory = true))
#define MODEL_RESERVE_ZEROED(model, array, capacity, wanted) \
	(ARRAY_RESERVE_ZEROED(array, capacity, wanted) || !((model)->no_memory = true))

/*
 * A process that is known only by its events, because its slot is lost. Null when it is
 * implausible.
 */
struct model_process *model_make_placeholder(struct model *model, const struct event *event);

#endif
