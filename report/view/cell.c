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

void cell_put_key(struct cell *cell, uint32_t key)
{
	cell->number = key;
	if (key == 0)
		cell_put_text(cell, "IPC_PRIVATE");
	else
		snprintf(cell->text, sizeof cell->text, "0x%08x", key);
}
