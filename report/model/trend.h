/* SPDX-License-Identifier: MIT */
/*
 * How the breaks moved over time, for charts and rates. The time is cut into equal pieces, the same
 * for all images, so that charts can be compared. The events are added in order.
 */
#ifndef MEMSHIM_MODEL_TREND_H
#define MEMSHIM_MODEL_TREND_H

#include "report/model/model.h"

#define TREND_PIECES 120u

/* The moves of the break in one piece of time. */
struct trend_piece {
	uint64_t number;          /* from the session's start, + 1; 0: no move in it */
	uint64_t low, high, last; /* of the break's addresses, after each move */
	uint32_t grows, shrinks;
};

/* The trend of one image. */
struct trend {
	uint64_t moves, grown, shrunk; /* at the last sample */
	double moves_per_s;
	double growth_per_s;                     /* bytes, net */
	struct trend_piece pieces[TREND_PIECES]; /* by number modulo TREND_PIECES */
};

struct trends {
	struct trend **by_instance; /* null where nothing moved */
	uint32_t capacity;
	uint64_t piece_ns;
	uint64_t keep_ns; /* pieces double until they cover this much; 0: all of the session */
	uint64_t sampled_ns, span_ns; /* the last sample, and the time since the one before */
	uint64_t *site_bytes;         /* of each site, at the last sample */
	uint32_t site_count;
	bool no_memory;
};

/*
 * `whole_ns`: the duration of a session that has ended; 0: it is live, and the last `keep_ns` are
 * kept.
 */
void trends_begin(struct trends *trends, uint64_t whole_ns, uint64_t keep_ns);
void trends_free(struct trends *trends);

void trends_add_event(struct trends *trends, const struct event *event);

/*
 * Computes the rates since the last sample; for the first sample, over the last two seconds. For an
 * image that has ended or has just begun: over its life.
 */
void trends_sample(struct trends *trends, struct model *model, uint64_t now_ns);

/* Null when the image has not moved its break since the trends began. */
const struct trend *trends_of(const struct trends *trends, uint32_t instance);

/*
 * The number + 1 of a chart's column: piece `at` of the last `count` pieces up to `now_ns`. 0:
 * none.
 */
uint64_t trends_number(const struct trends *trends, uint64_t now_ns, uint32_t count, uint32_t at);

/* The piece with that number + 1; null when there was no move in it. */
const struct trend_piece *trends_piece(const struct trend *trend, uint64_t number);

#endif
