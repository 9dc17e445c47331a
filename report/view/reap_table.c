/* SPDX-License-Identifier: MIT */
#include "report/view/reap_table.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/util/array.h"
#include "report/util/format.h"
#include "report/view/cell.h"
#include "report/view/name.h"
#include "report/view/table.h"

#define ROWS_MOST 20u /* of a table, unless the user chose another number */

enum reap_column {
	COLUMN_VERDICT,
	COLUMN_KIND,
	COLUMN_ID,
	COLUMN_KEY,
	COLUMN_SIZE,
	COLUMN_CREATOR,
	COLUMN_OWNER,
	COLUMN_WHY
};

static const struct table_column columns[] = {
	{"verdict", "VERDICT", false, false, 1},
	{"kind", "KIND", false, false, 1},
	{"id", "ID", true, false, 1},
	{"key", "KEY", false, false, 1},
	{"size", "SIZE", true, true, 1},
	{"creator", "CREATED BY", false, false, 1},
	{"owner", "OWNER", false, false, 2},
	{"why", "WHY", false, false, 1},
	{NULL, NULL, false, false, 0},
};

static const char *const verdict_words[REAP_VERDICTS] = {"removed", "leaked", "kept", "other"};
static const char *const verdict_titles[REAP_VERDICTS] = {"REMOVED", "LEAKED", "KEPT",
							  "OF OTHER SESSIONS"};
static const char *const kinds[OBJECT_KIND_COUNT] = {"segment", "set", "queue"};

/* ---- cells ---- */

static void reap_put_size(struct cell *cell, const struct kernel_segment *object, bool exact)
{
	uint64_t count = object->kind == SEMAPHORE_SET ? object->size : object->nattch;

	cell->number = count;
	if (object->kind == SHARED_MEMORY)
		cell_put_bytes(cell, object->size, exact);
	else
		snprintf(cell->text, sizeof cell->text, "%llu %s%s", (unsigned long long)count,
			 object->kind == SEMAPHORE_SET ? "semaphore" : "message", format_s(count));
}

static void reap_put_owner(struct cell *cell, const struct kernel_segment *object)
{
	char creator[32], owner[32];

	name_of_user(object->creator_uid, creator, sizeof creator);
	name_of_user(object->owner_uid, owner, sizeof owner);
	if (!*creator)
		snprintf(creator, sizeof creator, "%u", object->creator_uid);
	if (!*owner)
		snprintf(owner, sizeof owner, "%u", object->owner_uid);
	if (object->creator_uid == object->owner_uid)
		cell_put_text(cell, owner);
	else
		snprintf(cell->text, sizeof cell->text, "%s, created by %s", owner, creator);
}

static void reap_fill(const void *given, unsigned column, struct cell *cell, const void *context)
{
	const struct reap_row *row = given;
	const struct reap_table *table = context;

	switch (column) {
	case COLUMN_VERDICT:
		cell_put_text(cell, verdict_words[row->verdict]);
		break;
	case COLUMN_KIND:
		cell_put_text(cell, kinds[row->object.kind]);
		break;
	case COLUMN_ID:
		cell_put_number(cell, (uint32_t)row->object.shmid);
		break;
	case COLUMN_KEY:
		cell_put_key(cell, row->object.key);
		break;
	case COLUMN_SIZE:
		reap_put_size(cell, &row->object, table->exact);
		break;
	case COLUMN_CREATOR:
		cell_put_text(cell, row->creator);
		break;
	case COLUMN_OWNER:
		reap_put_owner(cell, &row->object);
		break;
	case COLUMN_WHY:
		cell_put_text(cell, row->why);
		break;
	}
}

/* ---- groups ---- */

static int compare_numbers(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* By verdict and reason; then segments, sets, queues, the largest first. */
static int compare_rows_of_reap(const void *first, const void *second)
{
	const struct reap_row *a = first, *b = second;
	int order = compare_numbers(a->verdict, b->verdict);

	if (!order)
		order = strcmp(a->why, b->why);
	if (!order)
		order = compare_numbers(a->object.kind, b->object.kind);
	if (!order)
		order = compare_numbers(b->object.size, a->object.size);
	return order ? order
		     : compare_numbers((uint32_t)a->object.shmid, (uint32_t)b->object.shmid);
}

static bool is_same_group(const struct reap_row *a, const struct reap_row *b)
{
	return a->verdict == b->verdict && strcmp(a->why, b->why) == 0;
}

/* "6 segments, 1.1M, 4 sets". */
static void reap_put_total(struct out *out, const struct reap_row *rows, uint32_t count, bool exact)
{
	uint64_t counts[OBJECT_KIND_COUNT] = {0}, bytes = 0;
	const char *comma = "";
	struct cell cell;

	for (uint32_t i = 0; i < count; i++) {
		counts[rows[i].object.kind]++;
		bytes += rows[i].object.kind == SHARED_MEMORY ? rows[i].object.size : 0;
	}
	for (unsigned kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
		if (!counts[kind])
			continue;
		out_text(out, comma);
		out_number(out, counts[kind]);
		out_char(out, ' ');
		out_text(out, kinds[kind]);
		out_text(out, format_s(counts[kind]));
		comma = ", ";
		if (kind != SHARED_MEMORY)
			continue;
		cell_put_bytes(&cell, bytes, exact);
		OUT(out, ", ");
		out_text(out, cell.text);
	}
}

/* Owners matter only where another user has a part in it. */
static bool group_has_strangers(const struct reap_row *rows, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (rows[i].object.creator_uid != rows[0].object.creator_uid ||
		    rows[i].object.owner_uid != rows[0].object.creator_uid ||
		    rows[i].object.creator_uid != geteuid())
			return true;
	return false;
}

static void reap_print_rows(const struct reap_table *of, struct out *out,
			    const struct reap_row *rows, uint32_t count, unsigned most)
{
	struct table table = {
		.columns = columns, .fill = reap_fill, .context = of, .sort = UINT_MAX};
	bool strangers = group_has_strangers(rows, count);

	table.rows = calloc(count, sizeof *table.rows);
	for (uint32_t i = 0; !table.rows && count > 1 && i < count; i++)
		reap_print_rows(of, out, &rows[i], 1, 1);
	if (!table.rows)
		return;
	for (uint32_t i = 0; i < count; i++)
		table.rows[table.row_count++] = &rows[i];
	for (unsigned i = 0; i <= COLUMN_WHY; i++)
		if ((i != COLUMN_OWNER || strangers) &&
		    ((i != COLUMN_VERDICT && i != COLUMN_WHY) || of->no_headings))
			table.shown[table.shown_count++] = i;
	table.width = of->no_headings ? 0 : out->width;
	table_print(&table, out, !of->no_headings, most);
	free(table.rows);
}

static void reap_print_group(const struct reap_table *table, struct out *out,
			     const struct reap_row *rows, uint32_t count)
{
	unsigned most = table->top ? table->top : ROWS_MOST;

	out_color(out, COLOR_BOLD);
	out_text(out, verdict_titles[rows->verdict]);
	out_color(out, COLOR_NONE);
	OUT(out, "  ");
	reap_put_total(out, rows, count, table->exact);
	out_char(out, '\n');
	if (rows->verdict != REAP_OTHER) {
		out_wrapped(out, rows->why, 2);
	} else { /* a command, which may be copied */
		OUT(out, "  ");
		out_safe(out, rows->why);
		out_char(out, '\n');
	}
	reap_print_rows(table, out, rows, count, most);
	if (count > most) {
		OUT(out, "and ");
		out_number(out, count - most);
		OUT(out, " more; --top=N shows N of them\n");
	}
	out_char(out, '\n');
}

void reap_table_add(struct reap_table *table, struct out *out, enum reap_verdict verdict,
		    const struct kernel_segment *object, const char *creator, const char *why)
{
	struct reap_row row = {verdict, *object, why, creator, NULL};
	size_t why_bytes = strlen(why) + 1, creator_bytes = strlen(creator) + 1;

	row.texts = malloc(why_bytes + creator_bytes);
	if (!row.texts || !ARRAY_RESERVE(table->rows, table->capacity, table->count + 1)) {
		reap_print_rows(table, out, &row, 1, 1);
		free(row.texts);
		return;
	}
	row.why = memcpy(row.texts, why, why_bytes);
	row.creator = memcpy(row.texts + why_bytes, creator, creator_bytes);
	table->rows[table->count++] = row;
}

void reap_table_print(struct reap_table *table, struct out *out)
{
	uint32_t next;

	if (table->count)
		qsort(table->rows, table->count, sizeof *table->rows, compare_rows_of_reap);
	if (table->no_headings && table->count)
		reap_print_rows(table, out, table->rows, table->count, UINT_MAX);
	for (uint32_t i = 0; !table->no_headings && i < table->count; i = next) {
		for (next = i + 1;
		     next < table->count && is_same_group(&table->rows[i], &table->rows[next]);
		     next++)
			;
		reap_print_group(table, out, table->rows + i, next - i);
	}
	for (uint32_t i = 0; i < table->count; i++)
		free(table->rows[i].texts);
	free(table->rows);
	table->rows = NULL;
	table->count = table->capacity = 0;
}
