/* SPDX-License-Identifier: MIT */
/*
 * The events of one segment, for `report -m` and `-M`. Each line shows the number of attachments
 * after it. fork(2) adds attachments without a call; exec and exit remove them.
 */
#include "report/view/report_history.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/util/format.h"
#include "report/view/name.h"
#include "report/view/partial.h"

#define NAME_COLUMNS 24u
#define HISTORY_NAME_BYTES 160u

enum step { STEP_MADE, STEP_FOUND, STEP_CHANGED, STEP_REMOVED, STEP_BEGAN, STEP_ENDED };

struct line {
	uint64_t time_ns;
	uint32_t order; /* of lines with equal times */
	enum step step;
	const struct model_process *process; /* null if unknown */
	const struct model_attachment *attachment;
	const struct model_change *change;
	enum model_ending how;
};

struct history {
	const struct model *model;
	const struct model_segment *segment;
	bool exact, utf8;
	struct line *lines;
	uint32_t count, capacity;
	unsigned name_columns;
};

/* "name (pid)". */
static const char *report_history_name(const struct model_process *process, bool utf8,
				       char to[HISTORY_NAME_BYTES])
{
	char name[HISTORY_NAME_BYTES - 24];

	snprintf(to, HISTORY_NAME_BYTES, "%s (%d)",
		 name_shorten(model_program_name(&process->facts), NAME_COLUMNS, utf8, name,
			      sizeof name),
		 process->facts.pid);
	return to;
}

/* ---- gathering ---- */

static void report_history_add(struct history *h, struct line line)
{
	char name[HISTORY_NAME_BYTES];
	unsigned length = 1;

	if (h->count == h->capacity)
		return;
	line.order = h->count;
	h->lines[h->count++] = line;
	if (line.process)
		length = (unsigned)out_columns(report_history_name(line.process, h->utf8, name));
	if (length > h->name_columns)
		h->name_columns = length;
}

static void add_past(struct history *h, const struct model_past *past)
{
	report_history_add(h, (struct line){.time_ns = past->attachment.since_ns,
					    .step = STEP_BEGAN,
					    .process = past->process,
					    .attachment = &past->attachment});
	report_history_add(h, (struct line){.time_ns = past->until_ns,
					    .step = STEP_ENDED,
					    .process = past->process,
					    .attachment = &past->attachment,
					    .how = past->how});
}

static void add_present(struct history *h, const struct model_process *process)
{
	for (uint32_t i = 0; i < process->attached_count; i++)
		if (process->attached[i].segment == h->segment)
			report_history_add(h,
					   (struct line){.time_ns = process->attached[i].since_ns,
							 .step = STEP_BEGAN,
							 .process = process,
							 .attachment = &process->attached[i]});
}

static void report_history_gather(struct history *h)
{
	const struct model *model = h->model;
	const struct model_segment *s = h->segment;
	const struct model_process *creator = model_process(model, s->creator);

	report_history_add(h,
			   (struct line){.time_ns = s->seen_ns,
					 .step = s->created == CREATED_NOT ? STEP_FOUND : STEP_MADE,
					 .process = creator});
	for (uint32_t i = 0; i < model->history.past_count; i++)
		if (model->history.past[i].attachment.segment == s)
			add_past(h, &model->history.past[i]);
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i])
			add_present(h, model->processes.by_instance[i]);
	for (uint32_t i = 0; i < model->history.change_count; i++)
		if (model->history.changes[i].segment == s)
			report_history_add(
				h, (struct line){.time_ns = model->history.changes[i].time_ns,
						 .step = STEP_CHANGED,
						 .process = model_process(
							 model, model->history.changes[i].instance),
						 .change = &model->history.changes[i]});
	if (s->removed)
		report_history_add(h, (struct line){.time_ns = s->removed_ns,
						    .step = STEP_REMOVED,
						    .process = model_process(model, s->remover)});
}

static int by_time(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* ---- writing ---- */

static void report_history_put_made(struct out *out, const struct history *h)
{
	const struct model_segment *s = h->segment;
	char text[FORMAT_BYTES];

	OUT(out, "created it: ");
	if (h->exact)
		out_number(out, s->size);
	else
		out_text(out, format_bytes(text, s->size));
	OUT(out, ", mode ");
	out_octal(out, s->flags & 0777, 4);
	if (s->created == CREATED_LIKELY)
		OUT(out, " (or found it: IPC_CREAT without IPC_EXCL)");
}

static void report_history_put_place(struct out *out, const struct model_attachment *attachment)
{
	OUT(out, " at ");
	out_hex(out, attachment->address);
	if (attachment->readonly)
		OUT(out, ", read-only");
}

static void report_history_put_ending(struct out *out, const struct line *line)
{
	static const char *const words[] = {
		[ENDED_BY_SHMDT] = "detached it",
		[ENDED_BY_EXEC] = "executed another program while it was attached",
		[ENDED_BY_EXIT] = "exited while it was attached",
		[ENDED_BY_REMAP] = "replaced it by SHM_REMAP",
		[ENDED_UNSEEN] = "lost it, perhaps by munmap,",
	};

	out_text(out, words[line->how]);
	report_history_put_place(out, line->attachment);
}

static void report_history_put_what(struct out *out, const struct history *h,
				    const struct line *line)
{
	switch (line->step) {
	case STEP_MADE:
		report_history_put_made(out, h);
		break;
	case STEP_FOUND:
		OUT(out, "found it: it existed before the session");
		break;
	case STEP_BEGAN:
		out_text(out, line->attachment->inherited ? "inherited it by fork" : "attached it");
		report_history_put_place(out, line->attachment);
		break;
	case STEP_ENDED:
		report_history_put_ending(out, line);
		break;
	case STEP_CHANGED:
		OUT(out, "changed it: mode ");
		out_octal(out, line->change->mode, 4);
		OUT(out, ", owner ");
		out_number(out, line->change->uid);
		OUT(out, ", group ");
		out_number(out, line->change->gid);
		break;
	case STEP_REMOVED:
		OUT(out, "removed it by IPC_RMID");
		break;
	}
}

static void report_history_put_line(struct out *out, const struct history *h,
				    const struct line *line, uint32_t attached)
{
	char name[HISTORY_NAME_BYTES] = "?";

	if (line->process)
		report_history_name(line->process, h->utf8, name);
	out_number_wide(out, line->time_ns / 1000000000u, 4);
	out_char(out, '.');
	out_digits(out, line->time_ns % 1000000000u / 1000, 6);
	OUT(out, "  ");
	out_safe_wide(out, name, h->name_columns);
	out_number_wide(out, attached, 6);
	OUT(out, "  ");
	report_history_put_what(out, h, line);
	out_char(out, '\n');
}

static void report_history_put_head(struct out *out, const struct history *h)
{
	char part[PARTIAL_NOTE_BYTES];

	out_char(out, '\n');
	out_color(out, COLOR_BOLD);
	OUT(out, "HISTORY of segment ");
	out_signed(out, h->segment->shmid);
	if (h->segment->space) {
		OUT(out, " of the IPC namespace ");
		out_number(out, h->segment->space);
	}
	out_color(out, COLOR_NONE);
	if (*partial_log(h->model, part)) {
		OUT(out, ", of ");
		out_text(out, part);
	}
	OUT(out, "\n       TIME  ");
	out_safe_wide(out, "PROCESS", h->name_columns);
	OUT(out, "  HELD  WHAT\n");
}

/* Attachments that the kernel counts and the session did not record. */
static void report_history_put_rest(struct out *out, const struct history *h, uint32_t attached)
{
	const struct model_segment *s = h->segment;

	if (s->presence != PRESENCE_HERE || s->current.nattch == attached)
		return;
	OUT(out, "Now the kernel counts ");
	out_number(out, s->current.nattch);
	out_text(out, s->current.nattch == 1 ? " attachment; " : " attachments; ");
	out_number(out, s->found);
	out_text(out, s->found == 1 ? " is" : " are");
	OUT(out, " visible in /proc/PID/maps.\n");
}

/* "Segment 9, created by perl (12) at 3.200000, has had this key since." */
static void report_history_put_neighbour(struct out *out, const struct history *h,
					 const struct model_segment *other, const char *words)
{
	const struct model_process *creator = other ? model_process(h->model, other->creator)
						    : NULL;
	char who[HISTORY_NAME_BYTES];

	if (!other)
		return;
	OUT(out, "Segment ");
	out_signed(out, other->shmid);
	if (other->created != CREATED_NOT && creator) {
		OUT(out, ", created by ");
		out_safe(out, report_history_name(creator, out->utf8, who));
		OUT(out, " at ");
	} else {
		OUT(out, ", first seen at ");
	}
	out_number(out, other->seen_ns / 1000000000u);
	out_char(out, '.');
	out_digits(out, other->seen_ns % 1000000000u / 1000, 6);
	out_text(out, words);
}

void report_history(struct out *out, const struct model *model, const struct model_segment *segment,
		    bool exact)
{
	struct history h = {.model = model,
			    .segment = segment,
			    .exact = exact,
			    .utf8 = out->utf8,
			    .name_columns = 7};
	uint32_t attached = 0;

	h.capacity = 2 + 2 * model->history.past_count + model->history.change_count +
		     (uint32_t)model->attachment_count;
	h.lines = calloc(h.capacity, sizeof *h.lines);
	if (!h.lines)
		return;
	report_history_gather(&h);
	qsort(h.lines, h.count, sizeof *h.lines, by_time);
	report_history_put_head(out, &h);
	for (uint32_t i = 0; i < h.count; i++) {
		attached += h.lines[i].step == STEP_BEGAN;
		attached -= h.lines[i].step == STEP_ENDED && attached > 0;
		report_history_put_line(out, &h, &h.lines[i], attached);
	}
	report_history_put_rest(out, &h, attached);
	report_history_put_neighbour(out, &h, segment->predecessor, ", had this key before.\n");
	report_history_put_neighbour(out, &h, segment->successor, ", has had this key since.\n");
	free(h.lines);
}
