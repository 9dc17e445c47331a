/* SPDX-License-Identifier: MIT */
/* The lines of the picture, before they are drawn: what is in each, from the top down. */
#ifndef MEMSHIM_VIEW_MAP_ROWS_H
#define MEMSHIM_VIEW_MAP_ROWS_H

#include "report/view/map.h"

#define MAP_TEXT_BYTES 192u

enum map_row_kind {
	ROW_EDGE,   /* between two zones, with the address */
	ROW_BREAK,  /* the same, where the break is */
	ROW_ZONE,   /* what a zone is, and its numbers */
	ROW_MEMBER, /* one of several in a zone, with its numbers: not shown where there is no room
		     */
	ROW_DETAIL, /* more words on a zone */
	ROW_BLANK,  /* a zone as high as it is large */
	ROW_GAP,    /* where nothing is mapped */
};

/* Sums over mappings. */
struct map_tally {
	uint64_t bytes, pages, resident_pages, swapped_pages;
	uint64_t resident_bytes, swapped_bytes;
	bool pages_known; /* which of them are resident, and which swapped */
};

struct map_row {
	enum map_row_kind kind;
	enum out_color color;
	bool addressed, counted;
	uint64_t address;
	struct map_tally tally; /* when it is counted */
	char mark;              /* since the earlier look: '+' new, '*' changed, ' ' neither */
	char text[MAP_TEXT_BYTES];
};

struct map_rows {
	struct map_row *rows;
	unsigned count, capacity;
	unsigned columns;    /* for the text of a row that is not counted */
	uint64_t unit_bytes; /* of a line, when it is to scale; 0 otherwise */
	bool no_memory;
};

/* `members`: at most so many lines for the members of a zone. */
void map_rows_make(struct map_rows *rows, const struct zones *zones,
		   const struct map_options *options, unsigned members);
void map_rows_free(struct map_rows *rows);

void map_tally_add(struct map_tally *tally, const struct zone *zone);

#endif
