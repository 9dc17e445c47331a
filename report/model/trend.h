/* SPDX-License-Identifier: MIT */
/*
 * How the breaks went over time, for charts and rates: per image a row of equally long pieces of
 * time, the same for all, so that charts stand one below the other. Fed with the events in order.
 */
#ifndef MEMSHIM_MODEL_TREND_H
#define MEMSHIM_MODEL_TREND_H

#include "report/model/model.h"

#define TREND_PIECES 120u

/* What the break did in one piece of time. */
struct trend_piece {
	uint64_t number;          /* since the session's start, + 1; 0: no move in it */
	uint64_t low, high, last; /* of the break's addresses, after each move */
	uint32_t grows, shrinks;
};

/* Of one image. */
struct trend {
	uint64_t moves, grown, shrunk; /* at the last look */
	double moves_per_s;
	double growth_per_s;                     /* bytes, net */
	struct trend_piece pieces[TREND_PIECES]; /* by number modulo TREND_PIECES */
};

struct trends {
	struct trend **by_instance; /* null where nothing moved */
	uint32_t capacity;
	uint64_t piece_ns;
	uint64_t keep_ns; /* pieces grow until they reach over so much; 0: over all there is */
	uint64_t sampled_ns, span_ns; /* the last look, and how long after the one before */
	uint64_t *site_bytes;         /* of each site, at the last look */
	uint32_t site_count;
	bool no_memory;
};

/* `whole_ns`: how long an ended session took; 0: it goes on, and the last `keep_ns` are kept. */
void trends_begin(struct trends *trends, uint64_t whole_ns, uint64_t keep_ns);
void trends_free(struct trends *trends);

void trends_feed(struct trends *trends, const struct event *event);

/*
 * Rates since the last look; at the first one, over the last two seconds. Of an image that has
 * ended, or has just begun, over its life.
 */
void trends_sample(struct trends *trends, struct model *model, uint64_t now_ns);

/* Null when the image has not moved its break since it is watched. */
const struct trend *trends_of(const struct trends *trends, uint32_t instance);

/* A chart's column: piece `at` of the last `count` ones up to `now_ns`; its number + 1, 0: none. */
uint64_t trends_number(const struct trends *trends, uint64_t now_ns, uint32_t count, uint32_t at);

/* The piece of that number (+ 1); null when nothing moved in it. */
const struct trend_piece *trends_piece(const struct trend *trend, uint64_t number);

#endif
