/* SPDX-License-Identifier: MIT */
/* The one sink of facts: all that the reader finds goes to a visitor's functions. */
#ifndef MEMSHIM_READER_FACTS_VISITOR_H
#define MEMSHIM_READER_FACTS_VISITOR_H

#include "report/reader/facts.h"

/* A null function: such facts are not wanted. A process may come again: the last row holds. */
struct facts_visitor {
#define FACT(name, type) void (*name)(void *context, const struct type *facts);
#include "report/reader/facts.def"
#undef FACT
	/* `count` more were lost by `loss`, by no process that still has a slot. */
	void (*lost)(void *context, enum loss loss, uint64_t count);
	/* Frames of the deepest call stack that was cut; 0: none was. */
	void (*deepest_stack)(void *context, uint32_t frames);
	void *context;
};

#endif
