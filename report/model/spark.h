/* SPDX-License-Identifier: MIT */
/* The break of an image over its life, in a few equal pieces: for a line of characters. */
#ifndef MEMSHIM_MODEL_SPARK_H
#define MEMSHIM_MODEL_SPARK_H

#include "report/reader/facts.h"

#define SPARK_PIECES 12u

/* All zero until the first move. */
struct spark {
	uint64_t begin_ns, step_ns; /* of one piece */
	uint64_t next_ns;           /* where the present piece ends */
	uint32_t at;                /* the present piece */
	uint64_t level;             /* the break after the last move */
	uint64_t high[SPARK_PIECES];
};

/*
 * Adds a move; moves come in the order of time. `until_ns`: where the life of an image ends that
 * still runs.
 */
void spark_add_move(struct spark *spark, const struct process_facts *facts,
		    const struct event *event, uint64_t until_ns);

/* The highest break in each piece. False: the break never moved. */
bool spark_pieces(const struct spark *spark, uint64_t high[SPARK_PIECES]);

#endif
