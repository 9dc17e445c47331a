/* SPDX-License-Identifier: MIT */
#include "report/view/cell.h"

#include <stdio.h>

#include "report/util/format.h"
#include "report/view/name.h"

void cell_put_text(struct cell *cell, const char *text)
{
	snprintf(cell->text, sizeof cell->text, "%s", text);
}

void cell_put_number(struct cell *cell, uint64_t number)
{
	cell->number = number;
	snprintf(cell->text, sizeof cell->text, "%llu", (unsigned long long)number);
}

void cell_put_count(struct cell *cell, uint64_t count)
{
	cell->number = count;
	format_count(cell->text, count);
}

void cell_put_bytes(struct cell *cell, uint64_t bytes, bool exact)
{
	cell_put_number(cell, bytes);
	if (!exact)
		format_bytes(cell->text, bytes);
}

void cell_put_delta(struct cell *cell, int64_t bytes, bool exact)
{
	cell->number = (uint64_t)bytes + (1ull << 63);
	if (exact)
		snprintf(cell->text, sizeof cell->text, "%+lld", (long long)bytes);
	else
		format_delta(cell->text, bytes);
}

void cell_put_address(struct cell *cell, uint64_t address)
{
	cell->number = address;
	snprintf(cell->text, sizeof cell->text, "%#llx", (unsigned long long)address);
}

void cell_put_name(struct cell *cell, const char *name, const char *rest, unsigned columns,
		   bool utf8)
{
	char text[CELL_BYTES / 2];

	snprintf(cell->text, sizeof cell->text, "%s%.100s",
		 name_shorten(name, columns, utf8, text, sizeof text), rest);
}

const char *cell_level(unsigned level, bool utf8)
{
	static const char *const blocks[CELL_LEVELS + 1] = {" ", "▁", "▂", "▃", "▄",
							    "▅", "▆", "▇", "█"};
	static const char *const signs[CELL_LEVELS + 1] = {" ", "_", ".", ":", "-",
							   "=", "+", "#", "#"};

	return (utf8 ? blocks : signs)[level];
}

void cell_put_line(struct cell *cell, const uint64_t *numbers, unsigned count, uint64_t low,
		   bool utf8)
{
	uint64_t most = low;
	size_t used = 0;

	for (unsigned i = 0; i < count; i++)
		most = numbers[i] > most ? numbers[i] : most;
	for (unsigned i = 0; i < count && used < sizeof cell->text; i++) {
		uint64_t over = numbers[i] > low ? numbers[i] - low : 0;
		double part = most > low ? (double)over / (double)(most - low) : 0;

		used += (size_t)snprintf(
			cell->text + used, sizeof cell->text - used, "%s",
			cell_level(1 + (unsigned)(part * (CELL_LEVELS - 1) + 0.5), utf8));
	}
}

void cell_put_key(struct cell *cell, uint32_t key)
{
	cell->number = key;
	if (key == 0)
		cell_put_text(cell, "IPC_PRIVATE");
	else
		snprintf(cell->text, sizeof cell->text, "0x%08x", key);
}
