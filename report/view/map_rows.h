/* SPDX-License-Identifier: MIT */
/* The lines of the drawing, from the top down, before they are printed. */
#ifndef MEMSHIM_VIEW_MAP_ROWS_H
#define MEMSHIM_VIEW_MAP_ROWS_H

#include "report/model/zones.h"
#include "report/view/out.h"

#define MAP_TEXT_BYTES 192u

enum map_row_kind {
	ROW_EDGE,   /* a border between two zones, with its address */
	ROW_BREAK,  /* a border at the program break */
	ROW_ZONE,   /* the zone's kind and its numbers */
	ROW_MEMBER, /* one of several files in a zone; dropped on a low screen */
	ROW_DETAIL, /* more facts about a zone */
	ROW_BLANK,  /* fills a zone that is drawn to scale */
	ROW_GAP,    /* unmapped addresses */
};

/* Sums over mappings. */
struct map_tally {
	uint64_t bytes, pages, resident_pages, swapped_pages;
	uint64_t resident_bytes, swapped_bytes;
	bool pages_known; /* resident and swapped pages are valid */
};

struct map_row {
	enum map_row_kind kind;
	enum out_color color;
	bool addressed, counted;
	uint64_t address;
	struct map_tally tally; /* if `counted` */
	char mark;              /* since the earlier sample: '+' new, '*' changed, ' ' the same */
	char text[MAP_TEXT_BYTES];
};

struct map_rows {
	struct map_row *rows;
	unsigned count, capacity;
	unsigned columns;    /* for the text of a row that is not counted */
	uint64_t unit_bytes; /* bytes per line when drawn to scale; 0 otherwise */
	bool no_memory;
};

struct map_options {
	const struct zones *before; /* an earlier sample, to mark what changed since; or null */
	bool scale;                 /* the height of a zone follows its size */
	bool all;                   /* one line per mapping */
	bool over;           /* overwrite an earlier drawing on the terminal, and erase its rest */
	unsigned lines_most; /* of the terminal; 0: no limit */
};

/* `members`: the most lines for the files of a zone. */
void map_rows_make(struct map_rows *rows, const struct zones *zones,
		   const struct map_options *options, unsigned members);
void map_rows_free(struct map_rows *rows);

/* Null without memory. */
struct map_row *map_row_add(struct map_rows *rows, enum map_row_kind kind, enum out_color color);

#endif
