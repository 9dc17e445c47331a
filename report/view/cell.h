/* SPDX-License-Identifier: MIT */
/* What stands in a cell of a table: its text, and the number by which its column is sorted. */
#ifndef MEMSHIM_VIEW_CELL_H
#define MEMSHIM_VIEW_CELL_H

#include <stdbool.h>
#include <stdint.h>

#include "report/view/table.h"

void cell_put_text(struct cell *cell, const char *text);

/* An id: without separators. */
void cell_put_number(struct cell *cell, uint64_t number);

/* With separators between thousands. */
void cell_put_count(struct cell *cell, uint64_t count);

/* "1.5M"; `exact`: all digits. */
void cell_put_bytes(struct cell *cell, uint64_t bytes, bool exact);

/* As bytes, with a sign; negative ones are below 0 in the order. */
void cell_put_delta(struct cell *cell, int64_t bytes, bool exact);

/* In hexadecimal. */
void cell_put_address(struct cell *cell, uint64_t address);

/*
 * A name, then `rest`. The middle of a name that is longer than `columns` is left out; `utf8`: the
 * page can show an ellipsis.
 */
void cell_put_name(struct cell *cell, const char *name, const char *rest, unsigned columns,
		   bool utf8);

#define CELL_LEVELS 8u /* that one character can show */

/* A character that is filled to a level, 0 to CELL_LEVELS. */
const char *cell_level(unsigned level, bool utf8);

/* A line of such characters, one for each number, from `low` to the largest of them. */
void cell_put_line(struct cell *cell, const uint64_t *numbers, unsigned count, uint64_t low,
		   bool utf8);

/* A key of the IPC table: "IPC_PRIVATE", or eight hexadecimal digits. */
void cell_put_key(struct cell *cell, uint32_t key);

#endif
