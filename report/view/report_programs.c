/* SPDX-License-Identifier: MIT */
/*
 * Of a build with a thousand compilers, a person wants to know how often each program ran, and how
 * large the largest was.
 */
#include "report/view/report_programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/util/format.h"
#include "report/util/hash.h"
#include "report/view/cell.h"
#include "report/view/name.h"
#include "report/view/words.h"

#define TITLE_COLUMNS 24u
#define ENDINGS_MOST 4u /* that are told apart; the rest are "other" */

struct program_row {
	UT_hash_handle hh;
	char title[CREATOR_LABEL_BYTES];
	uint64_t runs, running, peak_bytes, grown_bytes, moves, failed, attached_peak;
	struct {
		char words[32];
		uint64_t count;
	} endings[ENDINGS_MOST];
	uint64_t other_endings;
};

enum program_column {
	PROGRAM_TITLE,
	PROGRAM_RUNS,
	PROGRAM_PEAK,
	PROGRAM_GROWN,
	PROGRAM_MOVES,
	PROGRAM_FAILED,
	PROGRAM_ATTACHED,
	PROGRAM_ENDINGS
};

const struct table_column report_program_columns[] = {
	[PROGRAM_TITLE] = {"title", "PROGRAM", false, false, 1},
	[PROGRAM_RUNS] = {"runs", "RUNS", true, true, 1},
	[PROGRAM_PEAK] = {"largest_peak", "PEAK", true, true, 1},
	[PROGRAM_GROWN] = {"all_grown", "ALL GROWN", true, true, 2},
	[PROGRAM_MOVES] = {"all_moves", "MOVES", true, true, 4},
	[PROGRAM_FAILED] = {"all_failed", "FAILED", true, true, 3},
	[PROGRAM_ATTACHED] = {"most_attached", "SHM", true, true, 3},
	[PROGRAM_ENDINGS] = {"endings", "EXITS", false, false, 1},
	{NULL, NULL, false, false, 0},
};

/* ---- grouping ---- */

bool report_process_is_idle(const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	uint64_t calls = facts->queries;

	for (int call = 0; call < KIND_CALLS; call++)
		calls += facts->ok[call] + facts->failed[call];
	return facts->state == STATE_EXEC && calls == 0 && model_moves(facts) == 0;
}

static void report_program_add_ending(struct program_row *row, const struct process_facts *facts)
{
	char text[32];
	const char *words = words_state(facts, text);

	for (unsigned i = 0; i < ENDINGS_MOST; i++) {
		if (row->endings[i].count == 0)
			snprintf(row->endings[i].words, sizeof row->endings[i].words, "%.31s",
				 words);
		if (strcmp(row->endings[i].words, words) == 0) {
			row->endings[i].count++;
			return;
		}
	}
	row->other_endings++;
}

static void report_program_add(struct program_row *row, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	uint64_t peak = model_heap_peak(facts);

	row->runs++;
	row->running += facts->state == STATE_RUNNING;
	row->grown_bytes += model_grown(facts);
	row->moves += model_moves(facts);
	row->failed += model_failed(facts);
	if (peak > row->peak_bytes)
		row->peak_bytes = peak;
	if (facts->attached_peak > row->attached_peak)
		row->attached_peak = facts->attached_peak;
	report_program_add_ending(row, facts);
}

static struct program_row *report_program_of(struct program_row **rows,
					     const struct model_process *process)
{
	const char *title = model_process_label(process);
	struct program_row *row;

	HASH_FIND_STR(*rows, title, row);
	if (row)
		return row;
	row = calloc(1, sizeof *row);
	if (!row)
		return NULL;
	snprintf(row->title, sizeof row->title, "%.95s", title);
	HASH_ADD_STR(*rows, title, row);
	if (row->hh.tbl)
		return row;
	free(row);
	return NULL;
}

struct program_row **report_programs_group(const struct model_process *const *processes,
					   uint32_t *count)
{
	struct program_row *by_title = NULL, *row, *next, **rows;
	uint32_t used = 0;

	for (uint32_t i = 0; i < *count; i++) {
		row = report_program_of(&by_title, processes[i]);
		if (row)
			report_program_add(row, processes[i]);
	}
	*count = HASH_COUNT(by_title);
	rows = calloc(*count + 1, sizeof(struct program_row *));
	HASH_ITER (hh, by_title, row, next) {
		HASH_DEL(by_title, row);
		if (rows)
			rows[used++] = row;
		else
			free(row);
	}
	return rows;
}

void report_programs_free(struct program_row **rows, uint32_t count)
{
	for (uint32_t i = 0; rows && i < count; i++)
		free(rows[i]);
	free(rows);
}

/* ---- cells ---- */

/* "exit 0", or "62 exit 0, 2 exit 1" when they differ. */
static void report_program_put_endings(struct cell *cell, const struct program_row *row)
{
	char count[FORMAT_BYTES];
	size_t used = 0, bytes = sizeof cell->text;

	for (unsigned i = 0; i < ENDINGS_MOST && row->endings[i].count && used < bytes; i++) {
		bool all = row->endings[i].count == row->runs;

		used += (size_t)snprintf(cell->text + used, bytes - used, "%s%s%s%s",
					 used ? ", " : "",
					 all ? "" : format_count(count, row->endings[i].count),
					 all ? "" : " ", row->endings[i].words);
	}
	if (row->other_endings && used < bytes)
		snprintf(cell->text + used, bytes - used, ", %s other",
			 format_count(count, row->other_endings));
	if (row->running)
		cell->color = COLOR_GREEN;
}

void report_program_cell(const void *of, unsigned column, struct cell *cell, const void *context)
{
	const struct program_row *row = of;
	const struct report_context *report = context;

	cell->color = COLOR_NONE;
	switch (column) {
	case PROGRAM_TITLE:
		name_shorten(row->title, TITLE_COLUMNS, report->utf8, cell->text,
			     sizeof cell->text);
		break;
	case PROGRAM_PEAK:
		cell_put_bytes(cell, row->peak_bytes, report->exact);
		break;
	case PROGRAM_GROWN:
		cell_put_bytes(cell, row->grown_bytes, report->exact);
		break;
	case PROGRAM_RUNS:
		cell_put_count(cell, row->runs);
		break;
	case PROGRAM_MOVES:
		cell_put_count(cell, row->moves);
		break;
	case PROGRAM_FAILED:
		cell_put_count(cell, row->failed);
		cell->color = row->failed ? COLOR_RED : COLOR_NONE;
		break;
	case PROGRAM_ATTACHED:
		cell_put_count(cell, row->attached_peak);
		if (row->attached_peak == 0)
			cell_put_text(cell, "-");
		break;
	default:
		report_program_put_endings(cell, row);
	}
}

uint64_t report_program_weight(const void *of)
{
	const struct program_row *row = of;

	return row->peak_bytes + row->grown_bytes / 1024 + row->moves +
	       (row->failed ? 1ull << 40 : 0) + (row->running ? TABLE_NEVER_LEFT_OUT : 0);
}
