/* SPDX-License-Identifier: MIT */
/*
 * Whether a heap grows all the time. The life of an image is cut into equal windows, and each
 * keeps its lowest break: memory that comes back at the end of a request does not raise it. When
 * the windows are full, each two become one.
 */
#ifndef MEMSHIM_MODEL_GROWTH_H
#define MEMSHIM_MODEL_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#define GROWTH_WINDOWS 64u

struct growth {
	uint64_t start_ns, window_ns; /* 0: no move yet */
	uint64_t next_ns;             /* when the next window begins */
	uint64_t low[GROWTH_WINDOWS]; /* the lowest break in each window */
	uint64_t last;                /* the break after the last move */
	uint32_t newest;              /* the newest window with a value */
};

/* How an image grew over its life. */
struct growth_facts {
	bool steady;          /* it went on and on, in all parts of its life but the first */
	uint64_t from, until; /* the break after the first part, and at the end */
	double bytes_per_s;
};

void growth_begin(struct growth *growth, uint64_t start_ns, uint64_t initial);
/* Continues with the window of this time. */
void growth_begin_window(struct growth *growth, uint64_t time_ns);

static inline void growth_add_move(struct growth *growth, uint64_t time_ns, uint64_t before,
				   uint64_t after)
{
	uint64_t low = before < after ? before : after;

	if (time_ns >= growth->next_ns)
		growth_begin_window(growth, time_ns);
	if (low < growth->low[growth->newest])
		growth->low[growth->newest] = low;
	growth->last = after;
}

/* Judges the life from the start to `end_ns`. False when there were too few moves for that. */
bool growth_judge(const struct growth *growth, uint64_t end_ns, struct growth_facts *facts);

#endif
