/* SPDX-License-Identifier: MIT */
#include "report/view/sites.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/model/place.h"
#include "report/util/format.h"
#include "report/util/path.h"
#include "report/view/cell.h"
#include "report/view/report_tables.h"
#include "report/view/stack.h"

enum site_column {
#define SITE_COLUMN(id, name, heading, right, descending, wanted, meaning) COLUMN_##id,
#include "report/view/site_columns.def"
#undef SITE_COLUMN
};

const struct table_column report_site_columns[] = {
#define SITE_COLUMN(id, name, heading, right, descending, wanted, meaning) \
	{#name, heading, right, descending, wanted},
#include "report/view/site_columns.def"
#undef SITE_COLUMN
	{NULL, NULL, false, false, 0},
};

/* Who keeps the most first; then who had the most at the peak; then who took the most. */
static int site_compare(const void *a, const void *b)
{
	const struct model_site *left = *(const struct model_site *const *)a;
	const struct model_site *right = *(const struct model_site *const *)b;

	if (left->kept_bytes != right->kept_bytes)
		return left->kept_bytes < right->kept_bytes ? 1 : -1;
	if (left->peak_bytes != right->peak_bytes)
		return left->peak_bytes < right->peak_bytes ? 1 : -1;
	if (left->bytes != right->bytes)
		return left->bytes < right->bytes ? 1 : -1;
	if (left->given_back_bytes != right->given_back_bytes)
		return left->given_back_bytes < right->given_back_bytes ? 1 : -1;
	if (left->count != right->count)
		return left->count < right->count ? 1 : -1;
	return left < right ? -1 : left > right;
}

const struct model_site **sites_sorted(const struct model *model)
{
	const struct model_site **sorted = calloc(model->sites.count + 1, sizeof *sorted);

	for (uint32_t i = 0; sorted && i < model->sites.count; i++)
		sorted[i] = &model->sites.rows[i];
	if (sorted)
		qsort(sorted, model->sites.count, sizeof *sorted, site_compare);
	return sorted;
}

const char *sites_where(const struct model *model, uint32_t instance, uint32_t stack, char *text,
			size_t bytes)
{
	struct place place;

	place_of_stack(model, instance, stack, &place);
	snprintf(text, bytes, "%s%s%s%s%s%s", place.function, *place.wrapper ? PLACE_ARROW : "",
		 place.wrapper, place.named ? " (" : "", place.named ? place.module : "",
		 place.named ? ")" : "");
	return text;
}

/* "function  file.c:12": as sites_where, with the line where it is known. */
static void site_place(const struct model *model, const struct model_site *site, char *text,
		       size_t bytes)
{
	struct place place;

	place_of_stack(model, site->instance, site->stack, &place);
	place_words(&place, text, bytes);
}

/* False for calls that changed no memory and did not fail. */
static bool site_matters(const struct model_site *site)
{
	return site->bytes || site->given_back_bytes || site->failed;
}

static struct site_group *find_group(struct site_group *groups, uint32_t count,
				     const struct model_site *site, const char *where)
{
	for (uint32_t i = 0; i < count; i++)
		if (groups[i].site.call == site->call &&
		    groups[i].site.by_malloc == site->by_malloc &&
		    strcmp(groups[i].where, where) == 0)
			return &groups[i];
	return NULL;
}

static void add_to_group(struct site_group *group, const struct model_site *site)
{
	group->stack_count++;
	group->site.count += site->count;
	group->site.failed += site->failed;
	group->site.bytes += site->bytes;
	group->site.earlier_bytes += site->earlier_bytes;
	group->site.given_back_bytes += site->given_back_bytes;
	group->site.kept_bytes += site->kept_bytes;
	group->site.peak_bytes += site->peak_bytes;
	group->site.several_processes |= group->site.instance != site->instance;
}

static int compare_groups(const void *a, const void *b)
{
	const struct model_site *left = &((const struct site_group *)a)->site;
	const struct model_site *right = &((const struct site_group *)b)->site;

	return site_compare(&left, &right);
}

struct site_group *sites_group(const struct model *model, const struct filter *filter,
			       uint32_t *count)
{
	struct site_group *groups = calloc(model->sites.count + 1, sizeof *groups);
	char where[sizeof groups->where];

	*count = 0;
	for (uint32_t i = 0; groups && i < model->sites.count; i++) {
		const struct model_site *site = &model->sites.rows[i];
		const struct model_process *process = model_process(model, site->instance);
		struct site_group *group;

		if (!process || !filter_process(filter, process) || !site_matters(site))
			continue;
		site_place(model, site, where, sizeof where);
		group = find_group(groups, *count, site, where);
		if (group) {
			add_to_group(group, site);
			continue;
		}
		group = &groups[(*count)++];
		group->site = *site;
		group->stack_count = 1;
		memcpy(group->where, where, sizeof where);
	}
	if (groups)
		qsort(groups, *count, sizeof *groups, compare_groups);
	return groups;
}

/* ---- text ---- */

/*
 * The allocator that moved the break or mapped memory: its file's name up to the first dot. Malloc
 * is libc's allocator.
 */
static bool find_allocator(const struct model *model, const struct model_site *site,
			   char text[CELL_BYTES])
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count;
	const char *file;

	if (site->call > KIND_SBRK &&
	    (site->call < KIND_MMAP || site->purpose != MAPPED_DIRECT || !site->bytes))
		return false;
	snprintf(text, CELL_BYTES, "malloc");
	if (site->by_malloc)
		return true;
	count = model_stack(model, site->instance, site->stack, frames);
	file = count && model_caller(frames, count) > 0 ? stack_module(&frames[0]) : "";
	if (strncmp(file, "lib", 3) != 0 || strncmp(file, "libc", 4) == 0)
		return false;
	snprintf(text, CELL_BYTES, "%.*s", (int)strcspn(file + 3, "._"), file + 3);
	return true;
}

static const char *const mapping_names[MAPPED_COUNT] = {
	[MAPPED_DIRECT] = "direct",
	[MAPPED_ARENA] = "arena",
	[MAPPED_BLOCK] = "block",
	[MAPPED_STACK] = "stack",
};

static void site_put_origin(struct cell *cell, const struct model *model,
			    const struct model_site *site)
{
	bool maps = site->call >= KIND_MMAP && site->bytes;

	if (!find_allocator(model, site, cell->text))
		cell_put_text(cell, site->call <= KIND_SBRK ? "direct"
				    : maps                  ? mapping_names[site->purpose]
							    : "");
}

void report_site_cell(const void *row, unsigned column, struct cell *cell, const void *context)
{
	const struct site_group *group = row;
	const struct model_site *site = &group->site;
	const struct report_context *report = context;
	const struct model_process *process = model_process(report->model, site->instance);

	switch (column) {
	case COLUMN_KEPT:
		cell_put_bytes(cell, site->kept_bytes, report->exact);
		break;
	case COLUMN_SITE_PEAK:
		cell_put_bytes(cell, site->peak_bytes, report->exact);
		break;
	case COLUMN_SITE_BYTES:
		cell_put_bytes(cell, site->bytes, report->exact);
		break;
	case COLUMN_GIVEN_BACK:
		cell_put_bytes(cell, site->given_back_bytes, report->exact);
		break;
	case COLUMN_COUNT:
		cell_put_count(cell, site->count);
		break;
	case COLUMN_SITE_FAILED:
		cell_put_count(cell, site->failed);
		cell->color = site->failed ? COLOR_RED : COLOR_NONE;
		break;
	case COLUMN_STACKS:
		cell_put_count(cell, group->stack_count);
		break;
	case COLUMN_CALL:
		snprintf(cell->text, sizeof cell->text, "%s", event_name(site->call));
		break;
	case COLUMN_ORIGIN:
		site_put_origin(cell, report->model, site);
		break;
	case COLUMN_SITE_PROGRAM:
		cell_put_name(cell, process ? model_program_name(&process->facts) : "?",
			      site->several_processes ? ", ..." : "", 20, report->utf8);
		break;
	default:
		snprintf(cell->text, sizeof cell->text, "%s", group->where);
	}
}

/* What the table cannot show: growth whose call site is not known. */
void sites_put_unknown(struct out *out, const struct model *model)
{
	char kept[FORMAT_BYTES], peak[FORMAT_BYTES];

	if (!model->sites.unknown_kept_bytes && !model->sites.unknown_peak_bytes)
		return;
	OUT(out, "  Call site unknown: ");
	out_text(out, format_bytes(kept, model->sites.unknown_kept_bytes));
	OUT(out, " kept, ");
	out_text(out, format_bytes(peak, model->sites.unknown_peak_bytes));
	out_text(out, model_events_missing(model)
			      ? " at the peak; those moves are not in the log\n"
			      : " at the peak; those moves have no event or no call stack\n");
}

static void site_put_build_id(struct out *out, const struct module_facts *facts)
{
	OUT(out, "build id ");
	for (uint32_t i = 0; i < facts->build_id_bytes; i++) {
		out_char(out, "0123456789abcdef"[facts->build_id[i] >> 4]);
		out_char(out, "0123456789abcdef"[facts->build_id[i] & 15]);
	}
}

static void site_put_nameless(struct out *out, const struct model_module *module)
{
	static const char *const reasons[] = {
		[NAMES_EXPORTED] = "stripped; its debug symbols, or --debuginfod, would name more",
		[NAMES_CHANGED] =
			"another file than the one that was loaded; nothing in it is named",
		[NAMES_MISSING] = "cannot be read here",
		[NAMES_SLOW] = "reading its symbols took too long",
		[NAMES_LARGE] = "its symbols are too large",
		[NAMES_BROKEN] = "its symbols are damaged",
		[NAMES_UNREAD] = "no process could be started to read its symbols",
	};

	out_pad(out, 2);
	out_safe(out, module->facts.path);
	OUT(out, ": ");
	out_text(out, reasons[module->names]);
	out_char(out, '\n');
	if (!module->facts.build_id_bytes)
		return;
	out_pad(out, 4);
	site_put_build_id(out, &module->facts);
	out_char(out, '\n');
}

/* Whether the module is a file with unnamed frames; the vdso is no file. */
static bool is_nameless(const struct model_module *module)
{
	return module && module->nameless > 0 && module->names >= NAMES_EXPORTED &&
	       module->names != NAMES_NOT_ASKED && strncmp(module->facts.path, "linux-", 6) != 0 &&
	       *module->facts.path;
}

/* Stripped files in one line: "Stripped: dash, cc1 and 6 more; ...". */
static void sites_put_stripped(struct out *out, const struct model *model)
{
	static const char tail[] = " and 1234 more; --all has paths and build ids";
	uint32_t shown = 0, left = 0;
	size_t used = sizeof "Stripped: " + sizeof tail;

	for (uint32_t i = 0; i < model->stacks.module_capacity; i++) {
		const struct model_module *module = model->stacks.modules[i];
		const char *name = module ? path_base_name(module->facts.path) : "";

		if (!is_nameless(module) || module->names != NAMES_EXPORTED)
			continue;
		used += out_columns(name) + 2;
		if (shown && used > out->width) {
			left++;
			continue;
		}
		out_text(out, shown++ ? ", " : "\nStripped: ");
		out_safe(out, name);
	}
	if (left) {
		OUT(out, " and ");
		out_number(out, left);
		OUT(out, " more");
	}
	if (shown)
		OUT(out, "; --all has paths and build ids\n");
}

void sites_nameless(struct out *out, const struct model *model, bool all)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < model->stacks.module_capacity; i++) {
		const struct model_module *module = model->stacks.modules[i];

		if (!is_nameless(module) || (!all && module->names == NAMES_EXPORTED))
			continue;
		if (found++ == 0)
			OUT(out, "\nNot all functions could be named:\n");
		site_put_nameless(out, module);
	}
	if (!all)
		sites_put_stripped(out, model);
}

/* ---- JSON ---- */

/* As of the event: `area` tells an arena from a large block. */
static void site_json_purpose(struct json *json, uint8_t purpose)
{
	bool by_malloc = purpose == MAPPED_ARENA || purpose == MAPPED_BLOCK;

	json_text(json, "origin", by_malloc ? "malloc" : mapping_names[purpose]);
	if (by_malloc)
		json_text(json, "area", mapping_names[purpose]);
}

static void site_put(struct json *json, const struct model *model, const struct model_site *site)
{
	const struct model_process *process = model_process(model, site->instance);
	char where[256];

	json_open(json, NULL, '{');
	json_text(json, "call", event_name(site->call));
	if (site->call <= KIND_SBRK)
		json_text(json, "origin", site->by_malloc ? "malloc" : "direct");
	else if (site->call >= KIND_MMAP)
		site_json_purpose(json, site->purpose);
	else
		json_null(json, "origin");
	if (find_allocator(model, site, where))
		json_text(json, "allocator", where);
	else
		json_null(json, "allocator");
	json_number(json, "count", site->count);
	json_number(json, "bytes", site->bytes);
	json_number(json, "given_back_bytes", site->given_back_bytes);
	json_number(json, "kept_bytes", site->kept_bytes);
	json_number(json, "peak_bytes", site->peak_bytes);
	json_number(json, "failed", site->failed);
	json_text(json, "exe", process ? process->facts.exe : "");
	json_text(json, "where",
		  sites_where(model, site->instance, site->stack, where, sizeof where));
	json_number_or_null(json, "stack_id", site->stack != 0, site->stack);
	stack_json(json, "stack", model, site->instance, site->stack);
	json_bool(json, "cut", stack_is_cut(model, site->instance, site->stack));
	json_close(json, '}');
}

void sites_json(struct json *json, const struct model *model, const struct filter *filter)
{
	const struct model_site **sorted = sites_sorted(model);

	json_open(json, "sites", '[');
	for (uint32_t i = 0; sorted && i < model->sites.count; i++) {
		const struct model_process *process = model_process(model, sorted[i]->instance);

		if (process && filter_process(filter, process))
			site_put(json, model, sorted[i]);
	}
	json_close(json, ']');
	json_open(json, "sites_unknown", '{');
	json_number(json, "kept_bytes", model->sites.unknown_kept_bytes);
	json_number(json, "peak_bytes", model->sites.unknown_peak_bytes);
	json_close(json, '}');
	free(sorted);
}
