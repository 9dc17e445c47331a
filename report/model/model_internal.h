/* SPDX-License-Identifier: MIT */
/* What the files of the model do for one another. */
#ifndef MEMSHIM_MODEL_MODEL_INTERNAL_H
#define MEMSHIM_MODEL_MODEL_INTERNAL_H

#include "report/model/model.h"

/* Room for one more element in an array that grows; false, and noted, without memory. */
bool model_grow(struct model *model, void **array, uint32_t *capacity, uint32_t count,
		size_t element_bytes);

/* A process whose slot is lost is known by its events only. Null when it is not believed. */
struct model_process *model_make_placeholder(struct model *model, const struct event *event);

/* ---- segments.c ---- */
void segments_feed(struct model *model, struct model_process *process, const struct event *event);
/* The one that has this id; a row for one that was there before, where there is none yet. */
struct model_segment *segments_find(struct model *model, uint32_t instance, int32_t shmid,
				    uint64_t time_ns);
/* Keeps the process as a user of the segment, until it has ended. */
void segments_note_user(const struct model *model, struct model_segment *segment,
			uint32_t instance);
/* As the latest with its id. False without memory. */
bool segments_index(struct model *model, struct model_segment *segment);

/* ---- verdicts.c ---- */
/* What was known of a segment's id when the session ended, or is while it goes on. */
const struct kernel_segment *verdict_row(const struct model *model, int32_t shmid);
/* From that: whether the segment was there, and all that the kernel's row tells. */
void verdict_learn_row(struct model *model, struct model_segment *segment);
/* After its state is known: what the kernel says now. */
void verdict_learn_presence(const struct model *model, struct model_segment *segment);
void verdict_free_rows(struct model *model);

/* ---- attachments.c ---- */
/* A shmdt of what the kernel has no longer attached. */
void attachments_miss(struct model *model, struct model_process *process,
		      const struct event *event);
void attachments_feed(struct model *model, struct model_process *process,
		      const struct event *event);
/* Ends all attachments of a process. */
void attachments_drop_all(struct model *model, struct model_process *process, enum model_ending how,
			  uint64_t time_ns);
/* Ends one, by its place in `attached`. */
/* The newest that is no more, for 0, and those before it; null past those that are remembered. */
const struct model_past *attachments_recent(const struct model *model, uint64_t back);
void attachments_drop(struct model *model, struct model_process *process, uint32_t i,
		      enum model_ending how, uint64_t time_ns);
/* What the parent had when it forked; `event` is the child's KIND_FORK. */
void attachments_fork(struct model *model, struct model_process *child, const struct event *event);

/* Room up to `number` in an array; what is new is zero. False, and noted, without memory. */
bool model_make_capacity(struct model *model, void **array, uint32_t *capacity, uint32_t number,
			 size_t element_bytes);

/* ---- holders.c ---- */
/* After the last event: sorts the holders, and ends what they do not have. */
void holders_finalize(struct model *model);

/* ---- family.c ---- */
struct families {
	const struct model *model;
	bool at_end; /* of a recorded session: by what the recorder knew then, and by no look now */
	const struct model_process **known;    /* all images, in the order of their instances */
	const struct model_process **images;   /* that have not surely ended */
	const struct model_process **outlived; /* that ran when the recorder left */
	uint32_t known_count, count, outlived_count;
	bool may_miss;            /* processes without a slot may run */
	int32_t unregistered_pid; /* a process that has the session's segment, and no slot */
	int32_t unreadable_pid;   /* one that may have it */
};
/* After holders_finalize. */
void families_begin(struct families *families, struct model *model, bool at_end);
void families_end(struct families *families);
/* Finds out who may come back to a segment. */
void families_judge(const struct families *families, struct model_segment *segment);

/* ---- stacks.c ---- */
#define FRAMES_MOST (1u << 20) /* a file that claims more is not believed */
void stacks_free(struct model *model);

/* ---- sites.c ---- */
/* An event that has a stack. */
void sites_feed(struct model *model, const struct event *event);

/* ---- findings.c ---- */
/* The caller completes pid, shmid and the stack. The advice comes first, then the text. */
struct finding *findings_add(struct model *model, enum finding_kind kind, enum severity severity,
			     const char *advice, const char *words, ...)
	__attribute__((format(printf, 5, 6)));
/* Whose doing it is. */
void findings_about(struct finding *finding, const struct model_process *process);
void findings_check(struct model *model);

/* ---- findings_segments.c ---- */
/* A shmat that succeeded, after it was fed. */
void findings_note_attach(struct model_process *process, const struct event *event);
void findings_check_segments(struct model *model);
const char *findings_creator_name(const struct model *model, const struct model_segment *s);
/* What it is about, and the call stack that made it. */
void findings_about_segment(const struct model *model, struct finding *finding,
			    const struct model_segment *s);

/* ---- findings_removals.c ---- */
/* Links the segments that had one key, one after the other. */
void removals_link_keys(struct model *model);
/* Who removed it, where that is worth a remark. */
void findings_check_removal(struct model *model, const struct model_segment *s);

void findings_check_attachments(struct model *model, struct model_process *process);

/* ---- explain.c ---- */
struct explanation {
	char *why;          /* for the caller to free; null: no more is known than call and error */
	const char *advice; /* null: that of the table of failures */
	bool sure;          /* whatever the recorder saw besides */
};
struct explanation explain_failure(const struct model *model, const struct model_process *process,
				   const struct event *event);
/* The lowest attachment in the way of a move up that was refused; null when there is none. */
const struct model_attachment *explain_blocker(const struct model_process *process,
					       const struct event *event);

/* ---- sights.c ---- */
/* As explain_failure, of what the recorder saw right after the first of the calls. */
struct explanation snapshot_explain(const struct model *model, const struct model_failure *failure);

/* Findings: mappings that stood in the way of the break. */
void findings_check_walls(struct model *model);

/* ---- failures.c ---- */
void findings_note_failure(struct model *model, struct model_process *process,
			   const struct event *event);
void findings_check_failures(struct model *model);

#endif
