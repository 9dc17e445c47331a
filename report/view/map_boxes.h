/* SPDX-License-Identifier: MIT */
/* The boxes of the drawing, shared by the map_* files. */
#ifndef MEMSHIM_VIEW_MAP_BOXES_H
#define MEMSHIM_VIEW_MAP_BOXES_H

#include "report/view/map_rows.h"

enum family { CODE, DATA, HEAP, UNUSED, PLACED, ATTACHED, STACK, KERNEL };

/* Zones first..last, by rising address. */
struct box {
	const struct zone *first, *last;
	enum family family;
};

struct drawing {
	struct map_rows *rows;
	const struct zones *zones;
	const struct map_options *options;
	unsigned members;
};

void map_tally_add(struct map_tally *tally, const struct zone *zone);

/* Marks a row as new or changed since the earlier sample, as its zone is. */
void map_mark(const struct drawing *drawing, struct map_row *row, const struct zone *zone);

enum out_color box_color(enum family family);

/* The lines inside a box. */
void box_put(const struct drawing *drawing, const struct box *box);

#endif
