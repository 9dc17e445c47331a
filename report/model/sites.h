/* SPDX-License-Identifier: MIT */
/* What each call stack did. */
#ifndef MEMSHIM_MODEL_SITES_H
#define MEMSHIM_MODEL_SITES_H

#include <stdbool.h>
#include <stdint.h>

struct event;
struct filter;
struct model;
struct stack_frame;

/* All calls of one kind with one call stack. */
struct model_site {
	uint32_t stack;
	uint32_t instance; /* of the first */
	uint32_t next;     /* of the same stack: index + 1; 0 none */
	uint8_t call;      /* enum event_kind */
	bool by_malloc;
	uint8_t purpose; /* enum mapping_purpose: of what a call that maps memory took last */
	bool several_processes;
	uint64_t count; /* failed ones too */
	uint64_t failed;
	uint64_t bytes;         /* grown, created or attached */
	uint64_t earlier_bytes; /* at an earlier sample: see trend.h; 0: there was none */
	uint64_t given_back_bytes;
	uint64_t kept_bytes; /* its growth that was there at the end of each image: see heap.h */
	/* Its growth that was there at the peak of each image; of mappings the most that it had. */
	uint64_t peak_bytes;
	uint64_t mapped_bytes, mapped_peak_bytes; /* of mappings, in all processes together */
};

struct model_sites {
	const struct filter *filter; /* the processes to count calls of; null: all */
	bool by_process; /* each image has sites of its own, and of calls without a stack too */
	struct model_site *rows; /* in the order in which they were first seen */
	uint32_t count, capacity;
	uint64_t unknown_kept_bytes, unknown_peak_bytes; /* of moves without an event or stack */
	uint32_t *latest_of_stack;                       /* index + 1 */
	uint32_t stack_capacity;
};

/* Adds an event that has a stack. Returns the index of its site + 1; 0: it has none. */
uint32_t sites_add_event(struct model *model, const struct event *event);

/* Whether the frame is of a library that allocates memory for others. */
bool model_is_allocator(const struct stack_frame *frame);

/*
 * The frame that asked for memory: the first that is not in an allocator. If libc and the loader
 * called each other only, the first frame outside the allocator's file.
 */
uint32_t model_caller(const struct stack_frame *frames, uint32_t count);

#endif
