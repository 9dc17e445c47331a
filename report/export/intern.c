/* SPDX-License-Identifier: MIT */
#include "report/export/intern.h"

#include <stdlib.h>
#include <string.h>

#include "report/util/hash.h"
#include "report/util/printable.h"

#define INTERN_SHORT_BYTES 512u
#define INTERN_SLACK_BYTES 8u /* printable_copy stops when less is left */

struct intern_row {
	UT_hash_handle hh;
	uint64_t number;
	size_t bytes;
	unsigned char key[];
};

static struct intern_row *intern_add(struct intern *table, const void *key, size_t bytes)
{
	struct intern_row *row = malloc(sizeof *row + bytes);

	if (!row)
		return NULL;
	*row = (struct intern_row){.number = table->count + 1, .bytes = bytes};
	memcpy(row->key, key, bytes);
	HASH_ADD_KEYPTR(hh, table->rows, row->key, bytes, row);
	if (row->hh.tbl) {
		table->count++;
		return row;
	}
	free(row);
	return NULL;
}

uint64_t intern_key(struct intern *table, const void *key, size_t bytes, bool *is_new)
{
	struct intern_row *row;

	HASH_FIND(hh, table->rows, key, bytes, row);
	*is_new = !row;
	if (!row)
		row = intern_add(table, key, bytes);
	if (row)
		return row->number;
	table->no_memory = true;
	*is_new = false;
	return 0;
}

uint64_t intern_text(struct intern *table, const char *text, bool *is_new)
{
	char near[INTERN_SHORT_BYTES];
	size_t bytes = strlen(text) + INTERN_SLACK_BYTES;
	char *clean = bytes <= sizeof near ? near : malloc(bytes);
	uint64_t number;

	*is_new = false;
	if (!clean) {
		table->no_memory = true;
		return 0;
	}
	printable_copy(clean, bytes, text);
	number = intern_key(table, clean, strlen(clean), is_new);
	if (clean != near)
		free(clean);
	return number;
}

void intern_last(const struct intern *table, intern_visit *visit, void *context)
{
	const struct intern_row *row = table->rows ? ELMT_FROM_HH(table->rows->hh.tbl,
								  table->rows->hh.tbl->tail)
						   : NULL;

	if (row)
		visit(context, row->key, row->bytes);
}

void intern_each(const struct intern *table, intern_visit *visit, void *context)
{
	for (const struct intern_row *row = table->rows; row; row = row->hh.next)
		visit(context, row->key, row->bytes);
}

void intern_free(struct intern *table)
{
	struct intern_row *row, *next;

	HASH_ITER (hh, table->rows, row, next) {
		HASH_DEL(table->rows, row);
		free(row);
	}
	*table = (struct intern){0};
}
