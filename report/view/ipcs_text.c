/* SPDX-License-Identifier: MIT */
#include "report/view/ipcs_text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/model/creator.h"
#include "report/util/error.h"
#include "report/util/format.h"
#include "report/view/cell.h"
#include "report/view/ipcs_files.h"
#include "report/view/ipcs_objects.h"
#include "report/view/ipcs_totals.h"
#include "report/view/table.h"
#include "report/view/words.h"

#define SHM_DEST_BIT 01000u
#define HOLDERS_NAMED 3u /* on a wide page; 1 on others */
#define WIDE_COLUMNS 100u
#define CMDLINE_COLUMNS 40 /* for automatically chosen columns */
#define NAME_BYTES 15      /* of a process: comm in proc(5) */
#define NAME_LEAST 3

enum ipc_column {
#define IPC_COLUMN(id, name, heading, right, descending, wanted, meaning) COLUMN_##id,
#include "report/view/ipc_columns.def"
#undef IPC_COLUMN
	COLUMN_COUNT_OF_ALL
};

static const struct table_column columns[] = {
#define IPC_COLUMN(id, name, heading, right, descending, wanted, meaning) \
	{#name, heading, right, descending, wanted},
#include "report/view/ipc_columns.def"
#undef IPC_COLUMN
	{NULL, NULL, false, false, 0},
};

enum kind { SEGMENTS, QUEUES, SEMAPHORES };

#define BIT(id) (1u << COLUMN_##id)
#define ALL_KINDS                                                                                  \
	(BIT(KEY) | BIT(ID) | BIT(OWNER) | BIT(MODE) | BIT(CHANGED) | BIT(ATTACHED) | BIT(STATE) | \
	 BIT(USERS) | BIT(CREATOR) | BIT(CMDLINE) | BIT(SESSION))

/* The columns of each kind of object. */
static const unsigned kind_columns[] = {
	[SEGMENTS] = ~(BIT(COUNT) | BIT(USERS)),
	[QUEUES] = ALL_KINDS | BIT(SIZE) | BIT(COUNT) | BIT(LPID) | BIT(DETACHED),
	[SEMAPHORES] = ALL_KINDS | BIT(COUNT),
};

struct context {
	const struct ipc_table *table;
	enum kind kind;
	bool exact;
	unsigned holders_named;
	int cmdline_columns;
};

const char *ipcs_state(const struct ipc_segment *segment)
{
	const struct kernel_segment *kernel = &segment->kernel;

	if (kernel->mode & SHM_DEST_BIT)
		return "marked";
	if (kernel->nattch)
		return "in use";
	return segment->creator.runs ? "unused" : "orphaned";
}

/* ---- cells ---- */

static void ipcs_text_put_user(struct cell *cell, uint32_t uid)
{
	name_of_user(uid, cell->text, sizeof cell->text);
	if (!cell->text[0])
		cell_put_number(cell, uid);
}

static void ipcs_text_put_time(struct cell *cell, uint64_t seconds)
{
	char text[64];

	snprintf(cell->text, sizeof cell->text, "-");
	if (!seconds)
		return;
	words_time(seconds * 1000000000u, text);
	text[19] = '\0';
	text[10] = ' ';
	snprintf(cell->text, sizeof cell->text, "%s", text);
}

static void ipcs_text_put_creator(struct cell *cell, const struct ipc_creator *creator)
{
	char label[CREATOR_LABEL_BYTES];

	if (!creator->known && creator->pid)
		snprintf(cell->text, sizeof cell->text, "[? %d]", creator->pid);
	else if (!creator->known)
		snprintf(cell->text, sizeof cell->text, "-");
	else
		snprintf(cell->text, sizeof cell->text, "%s%s %d%s", creator->runs ? "" : "[",
			 creator_label(creator->program, creator->cmdline, label), creator->pid,
			 creator->runs ? "" : "]");
}

/*
 * How many rows from the first on belong to its process, and whether all of them are read-only.
 */
static uint32_t count_same(const struct kernel_holder *rows, uint32_t count, bool *readonly)
{
	uint32_t same = 0;

	*readonly = true;
	for (; same < count && rows[same].pid == rows[0].pid; same++)
		*readonly &= rows[same].readonly;
	return same;
}

/*
 * "perl 123, perl 124 ro +3 more": each process once. Names at most `most` processes, each cut to
 * `name_bytes`.
 */
static void ipcs_text_put_holders(struct cell *cell, const struct context *context,
				  const struct ipc_segment *segment, unsigned most, int name_bytes)
{
	const struct kernel_holder *rows = context->table->holders + segment->first_holder;
	uint32_t count = segment->holder_count + segment->other_count, same;
	unsigned named = 0, processes = 0;
	size_t used = 0;
	bool readonly;

	cell->text[0] = '\0';
	for (uint32_t i = 0; i < count; i += same, processes++) {
		same = count_same(rows + i, count - i, &readonly);
		if (named == most)
			continue;
		used += (size_t)snprintf(cell->text + used, sizeof cell->text - used,
					 "%s%.*s %d%s%s", named++ ? ", " : "", name_bytes,
					 rows[i].comm, rows[i].pid, readonly ? " ro" : "",
					 rows[i].other_ipc ? " (other namespace)" : "");
	}
	if (processes > named)
		used += (size_t)snprintf(cell->text + used, sizeof cell->text - used, " +%u more",
					 processes - named);
	if (segment->kernel.nattch > count)
		snprintf(cell->text + used, sizeof cell->text - used, "%s%llu not visible",
			 used ? ", " : "", (unsigned long long)(segment->kernel.nattch - count));
	else if (!processes)
		snprintf(cell->text, sizeof cell->text, "-");
}

/* Cuts names first, then drops names. A pid is never cut. */
static void shorten_holders(const void *row, unsigned column, struct cell *cell, unsigned width,
			    const void *given)
{
	const struct context *context = given;
	const struct ipc_segment *segment = row;
	const struct kernel_holder *first = context->table->holders + segment->first_holder;

	if (column != COLUMN_HOLDERS || context->kind != SEGMENTS ||
	    segment->holder_count + segment->other_count == 0)
		return;
	for (unsigned most = context->holders_named; most > 0; most--)
		for (int bytes = NAME_BYTES; bytes >= NAME_LEAST; bytes--) {
			ipcs_text_put_holders(cell, context, segment, most, bytes);
			if (out_columns(cell->text) <= width)
				return;
		}
	snprintf(cell->text, sizeof cell->text, "%.*s %d", NAME_LEAST, first->comm, first->pid);
}

static void ipcs_text_put_segment(const struct ipc_segment *row, unsigned column, struct cell *cell,
				  const struct context *context)
{
	const struct kernel_segment *kernel = &row->kernel;

	switch (column) {
	case COLUMN_SIZE:
		cell_put_bytes(cell, kernel->size, context->exact);
		break;
	case COLUMN_RESIDENT:
		cell_put_bytes(cell, kernel->resident_bytes, context->exact);
		break;
	case COLUMN_SWAPPED:
		cell_put_bytes(cell, kernel->swap_bytes, context->exact);
		break;
	case COLUMN_NATTCH:
		cell_put_number(cell, kernel->nattch);
		break;
	case COLUMN_STATE:
		snprintf(cell->text, sizeof cell->text, "%s", ipcs_state(row));
		if (strcmp(cell->text, "orphaned") == 0)
			cell->color = COLOR_RED;
		break;
	case COLUMN_CREATOR:
		ipcs_text_put_creator(cell, &row->creator);
		break;
	case COLUMN_CMDLINE:
		snprintf(cell->text, sizeof cell->text, "%.*s", context->cmdline_columns,
			 row->creator.known && row->creator.cmdline[0] ? row->creator.cmdline
								       : "-");
		break;
	case COLUMN_HOLDERS:
		ipcs_text_put_holders(cell, context, row, context->holders_named, NAME_BYTES);
		break;
	case COLUMN_CPID:
		cell_put_number(cell, (uint32_t)kernel->creator_pid);
		break;
	case COLUMN_LPID:
		cell_put_number(cell, (uint32_t)kernel->last_pid);
		break;
	case COLUMN_ATTACHED:
		ipcs_text_put_time(cell, kernel->attached);
		break;
	case COLUMN_DETACHED:
		ipcs_text_put_time(cell, kernel->detached);
		break;
	default:
		snprintf(cell->text, sizeof cell->text, "%s",
			 row->creator.by_session ? row->creator.session : "-");
	}
}

static void ipcs_text_put_object(const struct ipc_object *object, unsigned column,
				 struct cell *cell, const struct context *context)
{
	const struct kernel_object *row = &object->kernel;

	switch (column) {
	case COLUMN_STATE:
		cell_put_text(cell, ipcs_object_state(object) ? ipcs_object_state(object) : "-");
		break;
	case COLUMN_USERS:
		ipcs_object_put_users(cell, object, context->holders_named);
		break;
	case COLUMN_CREATOR:
		ipcs_text_put_creator(cell, &object->creator);
		break;
	case COLUMN_CMDLINE:
		snprintf(cell->text, sizeof cell->text, "%.*s", context->cmdline_columns,
			 object->creator.known ? object->creator.cmdline : "-");
		break;
	case COLUMN_SESSION:
		cell_put_text(cell, object->creator.by_session ? object->creator.session : "-");
		break;
	case COLUMN_SIZE:
		cell_put_bytes(cell, row->bytes, context->exact);
		break;
	case COLUMN_COUNT:
		cell_put_number(cell, row->count);
		break;
	case COLUMN_LPID:
		cell_put_number(
			cell, (uint32_t)(row->used > row->taken ? row->sent_pid : row->taken_pid));
		break;
	case COLUMN_DETACHED:
		ipcs_text_put_time(cell, row->taken);
		break;
	default:
		ipcs_text_put_time(cell, row->used);
	}
}

static void ipcs_text_fill(const void *row, unsigned column, struct cell *cell, const void *given)
{
	const struct context *context = given;
	const struct ipc_segment *segment = row;
	const struct ipc_object *of_object = row;
	const struct kernel_object *object = &of_object->kernel;
	bool is_segment = context->kind == SEGMENTS;

	cell->color = COLOR_NONE;
	cell->number = 0;
	if (column == COLUMN_KEY)
		cell_put_key(cell, is_segment ? segment->kernel.key : object->key);
	else if (column == COLUMN_ID)
		cell_put_number(cell, (uint32_t)(is_segment ? segment->kernel.shmid : object->id));
	else if (column == COLUMN_OWNER)
		ipcs_text_put_user(cell,
				   is_segment ? segment->kernel.owner_uid : object->owner_uid);
	else if (column == COLUMN_MODE)
		snprintf(cell->text, sizeof cell->text, "%04o",
			 (is_segment ? segment->kernel.mode : object->mode) & 0777);
	else if (column == COLUMN_CHANGED)
		ipcs_text_put_time(cell, is_segment ? segment->kernel.changed : object->changed);
	else if (is_segment)
		ipcs_text_put_segment(segment, column, cell, context);
	else
		ipcs_text_put_object(of_object, column, cell, context);
}

/* ---- tables ---- */

static bool ipcs_text_choose(struct table *table, const struct out *out,
			     const struct ipcs_options *options, enum kind kind)
{
	unsigned kept = 0;

	table_choose(table, out->width);
	table->sort = UINT_MAX;
	if (options->sort)
		table->sort = (unsigned)table_column(columns, options->sort);
	if (table->sort != UINT_MAX && !(kind_columns[kind] >> table->sort & 1))
		table->sort = UINT_MAX;
	for (unsigned i = 0; i < options->column_count && i < TABLE_COLUMNS_MAX; i++) {
		table->width = 0;
		table->shown[i] = (unsigned)table_column(columns, options->columns[i]);
		table->shown_count = i + 1;
	}
	for (unsigned i = 0; i < table->shown_count; i++)
		if (kind_columns[kind] >> table->shown[i] & 1)
			table->shown[kept++] = table->shown[i];
	table->shown_count = kept;
	return kept > 0;
}

static bool ipcs_text_is_orphaned(const struct ipc_segment *segment)
{
	return strcmp(ipcs_state(segment), "orphaned") == 0;
}

/* Orphaned objects first, the largest of them before the others. */
static int compare_orphaned(const void *first, const void *second)
{
	const struct ipc_segment *a = *(const struct ipc_segment *const *)first,
				 *b = *(const struct ipc_segment *const *)second;
	bool orphaned = ipcs_text_is_orphaned(a);

	if (orphaned != ipcs_text_is_orphaned(b))
		return orphaned ? -1 : 1;
	if (orphaned && a->kernel.size != b->kernel.size)
		return a->kernel.size > b->kernel.size ? -1 : 1;
	return a->kernel.shmid < b->kernel.shmid ? -1 : a->kernel.shmid > b->kernel.shmid;
}

static void ipcs_text_put_table(struct out *out, struct table *table,
				const struct ipcs_options *options, enum kind kind)
{
	static const char *const titles[] = {"SHARED MEMORY", "MESSAGE QUEUES", "SEMAPHORES"};
	static const enum object_kind object_kinds[] = {SHARED_MEMORY, MESSAGE_QUEUE,
							SEMAPHORE_SET};

	if (!ipcs_text_choose(table, out, options, kind))
		return;
	if (!options->no_headings) {
		if (kind != SEGMENTS)
			out_char(out, '\n');
		out_color(out, COLOR_BOLD);
		out_text(out, titles[kind]);
		out_color(out, COLOR_NONE);
		OUT(out, "  ");
		out_number(out, table->row_count);
		if (kind == SEGMENTS)
			ipcs_totals_segments(out, table->rows, table->row_count);
		ipcs_totals_limits(out, options->limits[object_kinds[kind]]);
		out_char(out, '\n');
	}
	if (table->row_count)
		table_print(table, out, !options->no_headings, UINT_MAX);
}

static void ipcs_text_put_kind(struct out *out, const struct ipc_table *ipc,
			       const struct ipcs_options *options, enum kind kind)
{
	bool wide = out->width >= WIDE_COLUMNS || options->column_count;
	struct context context = {.table = ipc,
				  .kind = kind,
				  .exact = options->exact,
				  .holders_named = wide ? HOLDERS_NAMED : 1,
				  .cmdline_columns = options->column_count ? 136 : CMDLINE_COLUMNS};
	struct table table = {.columns = columns,
			      .fill = ipcs_text_fill,
			      .shorten = shorten_holders,
			      .context = &context};
	uint32_t count = kind == SEGMENTS ? ipc->segment_count : ipc->object_count;

	table.rows = calloc(count + 1, sizeof *table.rows);
	for (uint32_t i = 0; table.rows && i < count; i++) {
		if (kind == SEGMENTS && ipc_wants(options->filter, &ipc->segments[i]))
			table.rows[table.row_count++] = &ipc->segments[i];
		if (kind != SEGMENTS &&
		    (ipc->objects[i].kernel.kind == OBJECT_QUEUE) == (kind == QUEUES) &&
		    ipc_wants_object(options->filter, &ipc->objects[i].kernel))
			table.rows[table.row_count++] = &ipc->objects[i];
	}
	if (kind == SEGMENTS && table.row_count && !options->sort)
		qsort(table.rows, table.row_count, sizeof *table.rows, compare_orphaned);
	ipcs_text_put_table(out, &table, options, kind);
	if (kind == SEGMENTS && !options->no_headings && !options->column_count)
		ipcs_files_text(out, &table, options->folder);
	free(table.rows);
}

static bool ipcs_text_knows(const char *name)
{
	if (table_column(columns, name) >= 0)
		return true;
	error_line(name, "no such column; see 'memshim help ipcs'");
	return false;
}

bool ipcs_text(struct out *out, const struct ipc_table *table, const struct ipcs_options *options)
{
	if (options->sort && !ipcs_text_knows(options->sort))
		return false;
	for (unsigned i = 0; i < options->column_count; i++)
		if (!ipcs_text_knows(options->columns[i]))
			return false;
	if (!options->filter->by_id || options->filter->kind == SHARED_MEMORY)
		ipcs_text_put_kind(out, table, options, SEGMENTS);
	if (!options->filter->by_id || options->filter->kind == MESSAGE_QUEUE)
		ipcs_text_put_kind(out, table, options, QUEUES);
	if (!options->filter->by_id || options->filter->kind == SEMAPHORE_SET)
		ipcs_text_put_kind(out, table, options, SEMAPHORES);
	return true;
}
