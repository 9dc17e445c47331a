/* SPDX-License-Identifier: MIT */
#include "report/view/report_mapped.h"

#include "report/model/filter.h"
#include "report/util/format.h"
#include "report/view/cell.h"
#include "report/view/table.h"

static const char *const purpose_names[MAPPED_COUNT] = {
	[MAPPED_DIRECT] = "direct",
	[MAPPED_ARENA] = "arena",
	[MAPPED_BLOCK] = "block",
	[MAPPED_STACK] = "stack",
};
static const char *const purpose_meanings[MAPPED_COUNT] = {
	[MAPPED_DIRECT] = "mmap by the program or a library",
	[MAPPED_ARENA] = "malloc: arenas of threads",
	[MAPPED_BLOCK] = "malloc: large blocks",
	[MAPPED_STACK] = "stacks of threads",
};

struct mapped_row {
	const char *what;
	struct mapping_sums sums;
};

static const struct table_column report_mapped_columns[] = {
	{"kept", "KEPT", true, true, 1},   {"peak", "PEAK", true, true, 1},
	{"taken", "TAKEN", true, true, 1}, {"given_back", "GIVEN BACK", true, true, 1},
	{"mmaps", "MMAPS", true, true, 2}, {"what", "WHAT", false, false, 1},
	{NULL, NULL, false, false, 0},
};

static void report_mapped_cell(const void *of, unsigned column, struct cell *cell,
			       const void *context)
{
	const struct mapped_row *row = of;
	const struct report_context *report = context;

	cell->color = COLOR_NONE;
	switch (column) {
	case 0:
		cell_put_bytes(cell, row->sums.now_bytes, report->exact);
		break;
	case 1:
		cell_put_bytes(cell, row->sums.peak_bytes, report->exact);
		break;
	case 2:
		cell_put_bytes(cell, row->sums.taken_bytes, report->exact);
		break;
	case 3:
		cell_put_bytes(cell, row->sums.given_back_bytes, report->exact);
		break;
	case 4:
		cell_put_count(cell, row->sums.mmaps);
		break;
	default:
		cell_put_text(cell, row->what);
	}
}

static uint64_t report_mapped_weight(const void *of)
{
	return ((const struct mapped_row *)of)->sums.peak_bytes;
}

static bool mapped_is_at_end(const struct model_process *process)
{
	return !process->mappings->dropped && process->facts.state != STATE_EXEC;
}

static void mapped_add(struct mapping_sums *sum, const struct mapping_sums *of, bool at_end)
{
	sum->mmaps += of->mmaps;
	sum->taken_bytes += of->taken_bytes;
	sum->given_back_bytes += of->given_back_bytes;
	sum->now_bytes += at_end ? mapping_own_bytes(of) : 0;
	sum->peak_bytes += of->own_peak_bytes;
}

/* The break's row stands beside those of mappings. */
static void mapped_add_break(struct mapping_sums *sum, const struct process_facts *facts)
{
	if (facts->state != STATE_EXEC && facts->break_current > facts->break_initial)
		sum->now_bytes += facts->break_current - facts->break_initial;
	sum->peak_bytes += model_heap_peak(facts);
	sum->taken_bytes += model_grown(facts);
	sum->given_back_bytes += model_shrunk(facts);
}

static uint32_t mapped_collect(struct mapped_row rows[MAPPED_COUNT + 1], const struct model *model,
			       const struct filter *filter, uint32_t *heaps)
{
	uint32_t found = 0;

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (!process || !process->facts.mappings_watched ||
		    !filter_process(filter, process))
			continue;
		found++;
		mapped_add_break(&rows[MAPPED_COUNT].sums, &process->facts);
		if (!process->mappings)
			continue;
		*heaps += mapped_is_at_end(process) ? mappings_arena_heaps(process->mappings, true)
						    : 0;
		for (int purpose = 0; purpose < MAPPED_COUNT; purpose++)
			mapped_add(&rows[purpose].sums, &process->mappings->sums[purpose],
				   mapped_is_at_end(process));
	}
	return found;
}

void report_mapped(struct out *out, const struct model *model, const struct filter *filter,
		   bool exact)
{
	struct report_context context = {model, exact, out->utf8};
	struct mapped_row rows[MAPPED_COUNT + 1] = {{.what = NULL}};
	const void *shown[MAPPED_COUNT + 1];
	struct table table = {.columns = report_mapped_columns,
			      .fill = report_mapped_cell,
			      .weigh = report_mapped_weight,
			      .rows = shown,
			      .context = &context};
	uint32_t heaps = 0;

	if (mapped_collect(rows, model, filter, &heaps) == 0)
		return;
	for (int purpose = 0; purpose <= MAPPED_COUNT; purpose++) {
		rows[purpose].what = purpose < MAPPED_COUNT ? purpose_meanings[purpose]
							    : "the break";
		if (rows[purpose].sums.taken_bytes || rows[purpose].sums.peak_bytes)
			shown[table.row_count++] = &rows[purpose];
	}
	if (table.row_count == 0)
		return;
	OUT(out, "\n");
	out_color(out, COLOR_BOLD);
	OUT(out, "MEMORY");
	out_color(out, COLOR_NONE);
	OUT(out, "  writable address space, resident or not\n");
	table_choose(&table, out->width);
	table_rank(&table);
	table_print(&table, out, true, MAPPED_COUNT + 1);
	if (!heaps)
		return;
	OUT(out, "  Heaps of arenas at the end: ");
	out_number(out, heaps);
	OUT(out, "\n");
}

void report_mapped_json(struct json *json, const struct model_process *process)
{
	static const struct mapping_sums none;

	if (!process->facts.mappings_watched) {
		json_null(json, "mapped");
		return;
	}
	json_open(json, "mapped", '{');
	for (int purpose = 0; purpose < MAPPED_COUNT; purpose++) {
		const struct mapping_sums *sums = process->mappings
							  ? &process->mappings->sums[purpose]
							  : &none;
		bool at_end = process->mappings && mapped_is_at_end(process);

		json_open(json, purpose_names[purpose], '{');
		json_number(json, "mmaps", process->facts.mapped_count[purpose]);
		json_number(json, "mmap_bytes", process->facts.mapped_bytes[purpose]);
		json_number(json, "taken_bytes", sums->taken_bytes);
		json_number(json, "given_back_bytes", sums->given_back_bytes);
		json_number(json, "kept_bytes", at_end ? sums->now_bytes : 0);
		json_number(json, "peak_bytes", sums->peak_bytes);
		json_number(json, "reserved_bytes", at_end ? sums->reserved_bytes : 0);
		json_close(json, '}');
	}
	json_number(json, "arena_heaps",
		    process->mappings && mapped_is_at_end(process)
			    ? mappings_arena_heaps(process->mappings, false)
			    : 0);
	json_number(json, "peak_bytes", process->mappings ? process->mappings->peak_bytes : 0);
	json_number(json, "file_mappings", process->facts.file_mappings);
	json_close(json, '}');
}
