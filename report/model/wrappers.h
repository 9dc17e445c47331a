/* SPDX-License-Identifier: MIT */
/*
 * Who wanted memory, and not who wrapped malloc: xmalloc, Perl_safesysmalloc, _PyObject_Malloc. A
 * function is a wrapper by its name (wrappers.def, and what the user adds), or by what the log
 * shows: at least WRAPPER_CALLERS functions reach the allocator through it, from one place or two
 * in it, and it is in no call stack for anything else.
 */
#ifndef MEMSHIM_MODEL_WRAPPERS_H
#define MEMSHIM_MODEL_WRAPPERS_H

#include <stdbool.h>
#include <stdint.h>

struct model;
struct stack_frame;

#define WRAPPER_CALLERS 3u

/* A name that the user added: a shell pattern. */
struct wrapper_name {
	struct wrapper_name *next;
	char pattern[];
};

struct wrapper;

struct model_wrappers {
	const struct wrapper_name *names; /* of the user; null none */
	struct wrapper *table;            /* of functions that the log shows as wrappers */
};

/* The function that wanted memory, as a place of a frame, and the wrapper that it called. */
struct wanted {
	uint32_t frame, place;
	bool wrapped;
	uint32_t wrapper_frame, wrapper_place;
};

/* Looks through the call sites. Call it again when more of their frames have names. */
void wrappers_find(struct model *model);
void wrappers_free(struct model_wrappers *wrappers);

/* `count` is not 0. */
void wanted_find(const struct model *model, const struct stack_frame *frames, uint32_t count,
		 struct wanted *wanted);

#endif
