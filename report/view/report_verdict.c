/* SPDX-License-Identifier: MIT */
/*
 * Errors and warnings are listed; notes only where there is nothing worse. Without any of them the
 * verdict names the process with the largest heap, and where most of it came from.
 */
#include "report/view/report_verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/model/findings_group.h"
#include "report/model/place.h"
#include "report/util/format.h"
#include "report/util/path.h"
#include "report/view/name.h"

#define LINES_MOST 5u
#define PROGRAM_COLUMNS 16u
#define GAP 2u
#define PLACE_LEAST 8u /* columns of a function */

static const char *const severity_words[] = {"error", "warning", "note"};
static const enum out_color severity_colors[] = {COLOR_RED, COLOR_YELLOW, COLOR_CYAN};

struct verdict {
	const struct finding *rows[LINES_MOST];
	unsigned count, left;
	unsigned headline_columns, program_columns;
};

/* ---- counts ---- */

static void verdict_count(const struct model *model, bool notes, uint32_t counts[3])
{
	for (uint32_t i = 0; i < model->findings.count; i++)
		counts[model->findings.rows[i].severity] += notes ||
							    !finding_is_routine(
								    &model->findings.rows[i]);
	counts[SEVERITY_WARNING] += model->findings.omitted_count;
}

void report_verdict_counts(struct out *out, const struct model *model, bool notes)
{
	uint32_t counts[3] = {0};
	char text[FORMAT_BYTES];
	bool any = false;

	verdict_count(model, notes, counts);
	for (int severity = SEVERITY_ERROR; severity <= SEVERITY_NOTE; severity++) {
		if (!counts[severity])
			continue;
		out_text(out, any ? ", " : "");
		out_text(out, format_count(text, counts[severity]));
		out_char(out, ' ');
		out_text(out, severity_words[severity]);
		out_text(out, format_s(counts[severity]));
		any = true;
	}
	if (!any)
		OUT(out, "none");
}

/* ---- which findings ---- */

/* The script of an interpreter, else the program. */
static const char *verdict_program(const struct model *model, const struct finding *finding)
{
	const struct model_process *process = model_process(model, finding->instance);
	const char *program = finding->program[0] ? path_base_name(finding->program[0]) : "";
	size_t length = strlen(program);

	if (process && strncmp(process->label, program, length) == 0 &&
	    process->label[length] == ' ')
		return process->label + length + 1;
	return program;
}

static void verdict_add(struct verdict *verdict, const struct model *model,
			const struct finding *finding)
{
	unsigned headline = (unsigned)out_columns(finding->headline ? finding->headline : "");
	unsigned program = (unsigned)out_columns(verdict_program(model, finding));

	if (verdict->count == LINES_MOST) {
		verdict->left++;
		return;
	}
	verdict->rows[verdict->count++] = finding;
	if (headline > verdict->headline_columns)
		verdict->headline_columns = headline;
	if (program > PROGRAM_COLUMNS)
		program = PROGRAM_COLUMNS;
	if (program > verdict->program_columns)
		verdict->program_columns = program;
}

static void verdict_choose(struct verdict *verdict, const struct model *model)
{
	bool notes = model_attention(model) == 0;

	*verdict = (struct verdict){.count = 0};
	for (uint32_t i = 0; i < model->findings.count; i++) {
		const struct finding *finding = &model->findings.rows[i];

		if (notes ? !finding_is_routine(finding) : finding->severity != SEVERITY_NOTE)
			verdict_add(verdict, model, finding);
	}
}

/* ---- lines ---- */

static void verdict_put_mark(struct out *out, enum severity severity)
{
	static const char *const marks[] = {"\xe2\x9c\x97", "!", "\xc2\xb7"}; /* ballot x, dot */
	static const char *const ascii[] = {"x", "!", "-"};

	out_color(out, severity_colors[severity]);
	out_text(out, out->utf8 ? marks[severity] : ascii[severity]);
	out_color(out, COLOR_NONE);
	out_char(out, ' ');
}

/* A name of at most `columns`: its middle is left out. */
static void verdict_put_name(struct out *out, const char *name, unsigned columns)
{
	char text[256];

	out_safe(out, name_shorten(name, columns, out->utf8, text, sizeof text));
}

static unsigned verdict_rest(const struct out *out, unsigned used)
{
	return out->width > used ? out->width - used : 0;
}

/* The function is shortened, and never the line. */
static void verdict_put_place(struct out *out, const struct model *model,
			      const struct finding *finding, unsigned columns)
{
	struct place place;
	char tail[128] = "";
	unsigned used;

	place_of_stack(model, finding->stack_instance, finding->stack, &place);
	if (*place.source)
		snprintf(tail, sizeof tail, "  %s", place.source);
	else if (place.named)
		snprintf(tail, sizeof tail, " (%s)", place.module);
	used = (unsigned)out_columns(tail);
	if (used + PLACE_LEAST > columns)
		used = 0;
	verdict_put_name(out, place.function, columns - used);
	if (used)
		out_safe(out, tail);
}

static void verdict_put_line(struct out *out, const struct model *model,
			     const struct verdict *verdict, const struct finding *finding,
			     const char *prefix)
{
	unsigned used = (unsigned)out_columns(prefix) + 2;
	char program[128];

	out_text(out, prefix);
	verdict_put_mark(out, finding->severity);
	out_safe_wide(out, finding->headline ? finding->headline : "", verdict->headline_columns);
	out_pad(out, GAP);
	name_shorten(verdict_program(model, finding), verdict->program_columns, out->utf8, program,
		     sizeof program);
	out_safe_wide(out, program, verdict->program_columns);
	out_pad(out, verdict->program_columns ? GAP : 0);
	used += verdict->headline_columns + GAP + verdict->program_columns + GAP;
	verdict_put_place(out, model, finding, verdict_rest(out, used));
	out_char(out, '\n');
	if (!finding->why)
		return;
	out_text(out, prefix);
	out_pad(out, 4);
	out_color(out, COLOR_DIM);
	name_put_words(out, finding->why, verdict_rest(out, (unsigned)out_columns(prefix) + 4));
	out_color(out, COLOR_NONE);
	out_char(out, '\n');
}

static void verdict_put_next(struct out *out, const char *prefix, const char *command)
{
	if (!command)
		return;
	out_text(out, prefix);
	OUT(out, "next: ");
	out_color(out, COLOR_BOLD);
	out_safe(out, command);
	out_color(out, COLOR_NONE);
	out_char(out, '\n');
}

/* ---- nothing was found ---- */

/* The break and, with `record -a`, mappings: each at its highest. */
static uint64_t verdict_bytes(const struct model_process *process)
{
	return model_heap_peak(&process->facts) +
	       (process->mappings ? process->mappings->peak_bytes : 0);
}

/* Whether a finding says that its break is the smaller part of its memory. */
static bool verdict_is_past(const struct model *model, const struct model_process *process)
{
	const char *program = model_program(&process->facts);

	for (uint32_t i = 0; i < model->findings.count; i++) {
		const struct finding *finding = &model->findings.rows[i];

		if (finding->kind == FINDING_PAST_THE_BREAK && finding->program[0] &&
		    strcmp(finding->program[0], program) == 0)
			return true;
	}
	return false;
}

static const struct model_process *verdict_largest(const struct model *model)
{
	const struct model_process *largest = NULL;

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (process && verdict_bytes(process) > (largest ? verdict_bytes(largest) : 0))
			largest = process;
	}
	return largest;
}

/* The call site that took the most memory of this program. */
static const struct model_site *verdict_largest_site(const struct model *model,
						     const struct model_program *program)
{
	const struct model_site *largest = NULL;

	for (uint32_t i = 0; i < model->sites.count; i++) {
		const struct model_site *site = &model->sites.rows[i];
		const struct model_process *process = model_process(model, site->instance);

		if ((site->call <= KIND_SBRK || site->call >= KIND_MMAP) && process &&
		    process->program == program && site->bytes > (largest ? largest->bytes : 0))
			largest = site;
	}
	return largest;
}

static void verdict_put_largest(struct out *out, const struct model *model, const char *prefix)
{
	const struct model_process *process = verdict_largest(model);
	const struct model_site *site;
	struct finding finding = {.severity = SEVERITY_NOTE, .shmid = -1};
	struct verdict verdict = {.count = 0};
	char size[FORMAT_BYTES], headline[64], *command;

	if (!process || (!process->mappings && verdict_is_past(model, process)))
		return;
	site = verdict_largest_site(model, process->program);
	snprintf(headline, sizeof headline, "largest %s: %s", process->mappings ? "memory" : "heap",
		 format_bytes(size, verdict_bytes(process)));
	finding.headline = headline;
	finding.program[0] = model_program(&process->facts);
	finding.instance = process->facts.instance;
	finding.stack_instance = site ? site->instance : 0;
	finding.stack = site ? site->stack : 0;
	verdict_add(&verdict, model, &finding);
	verdict_put_line(out, model, &verdict, &finding, prefix);
	command = finding_heap_command(model, finding.program[0]);
	verdict_put_next(out, prefix, command);
	free(command);
}

/* ---- the whole ---- */

/* The command of the first finding that has one. */
static char *verdict_command(const struct model *model, const struct verdict *verdict)
{
	char *command = NULL;

	for (unsigned i = 0; i < verdict->count && !command; i++)
		command = finding_command(model, verdict->rows[i]);
	return command;
}

void report_verdict_lines(struct out *out, const struct model *model, const char *prefix)
{
	struct verdict verdict;
	char *command;

	verdict_choose(&verdict, model);
	for (unsigned i = 0; i < verdict.count; i++)
		verdict_put_line(out, model, &verdict, verdict.rows[i], prefix);
	if (verdict.left) {
		out_text(out, prefix);
		OUT(out, "and ");
		out_number(out, verdict.left);
		OUT(out, " more\n");
	}
	command = verdict_command(model, &verdict);
	verdict_put_next(out, prefix, command);
	free(command);
}

void report_verdict(struct out *out, const struct model *model)
{
	uint32_t counts[3] = {0};
	bool any;

	verdict_count(model, false, counts);
	any = counts[0] || counts[1] || counts[2];
	out_color(out, COLOR_BOLD);
	OUT(out, "Verdict   ");
	out_color(out, COLOR_NONE);
	if (any)
		report_verdict_counts(out, model, false);
	else if (model->processes.count == 0)
		OUT(out, "no process ran under the shim: nothing was seen");
	else
		OUT(out, "nothing wrong was found");
	out_char(out, '\n');
	report_verdict_lines(out, model, "  ");
	if (model_attention(model) == 0)
		verdict_put_largest(out, model, "  ");
	out_char(out, '\n');
}
