/* SPDX-License-Identifier: MIT */
/* Attachments: how they begin, how they end, and those that have ended. */
#ifndef MEMSHIM_MODEL_ATTACHMENTS_H
#define MEMSHIM_MODEL_ATTACHMENTS_H

#include <stdbool.h>
#include <stdint.h>

struct attachment_facts;
struct event;
struct model;
struct model_process;
struct model_segment;

struct model_attachment {
	struct model_segment *segment;
	uint64_t address;
	uint64_t since_ns;
	uint64_t bytes; /* the segment's size as known at the attach; 0 unknown */
	bool readonly, inherited;
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

void model_add_attachment(struct model *model, const struct attachment_facts *facts);

/* A shmdt at an address where the kernel has nothing attached any more. */
void attachments_miss(struct model *model, struct model_process *process,
		      const struct event *event);

void attachments_add_event(struct model *model, struct model_process *process,
			   const struct event *event);

/* Ends all attachments of a process. */
void attachments_drop_all(struct model *model, struct model_process *process, enum model_ending how,
			  uint64_t time_ns);

/* Ends one attachment; `i`: its index in `attached`. */
void attachments_drop(struct model *model, struct model_process *process, uint32_t i,
		      enum model_ending how, uint64_t time_ns);

/* Of the attachments that have ended, 0: the newest; null: before those that the model keeps. */
const struct model_past *attachments_recent(const struct model *model, uint64_t back);

/* Gives the child what its parent had attached at fork; `event`: the child's KIND_FORK. */
void attachments_fork(struct model *model, struct model_process *child, const struct event *event);

#endif
