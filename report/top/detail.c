/* SPDX-License-Identifier: MIT */
#include "report/top/detail.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/model/holders.h"
#include "report/top/chart.h"
#include "report/top/ipc_list.h"
#include "report/top/key_actions.h"
#include "report/util/format.h"
#include "report/view/report_text.h"
#include "report/view/stack.h"
#include "report/view/words.h"

#define SITES_MOST 12u

static const char *detail_bytes(const struct rows *rows, char text[FORMAT_BYTES], uint64_t count)
{
	if (!rows->exact)
		return format_bytes(text, count);
	snprintf(text, FORMAT_BYTES, "%llu", (unsigned long long)count);
	return text;
}

static const char *key_words(const struct model_segment *segment, char text[16])
{
	if (!segment->key_known)
		return "-";
	if (segment->key == 0)
		return "IPC_PRIVATE";
	snprintf(text, 16, "0x%08x", segment->key);
	return text;
}

/* ---- stacks ---- */

static void add_stack(const struct rows *rows, struct pager *pager, uint32_t instance,
		      uint32_t stack)
{
	struct stack_frame frames[STACK_FRAMES_MAX];
	uint32_t count = model_stack(rows->live->now, instance, stack, frames);
	char text[256];

	for (uint32_t i = 0; i < count; i++) {
		uint32_t places = frames[i].name && frames[i].name->count ? frames[i].name->count
									  : 1;

		for (uint32_t place = 0; place < places; place++)
			pager_add(pager, STYLE_PLAIN, "    %s  (%s)",
				  stack_words(&frames[i], place, text, sizeof text),
				  stack_module(&frames[i]));
	}
	if (count == 0)
		pager_add(pager, STYLE_DIM, "    no call stack was recorded");
}

/* ---- one process ---- */

static void add_break(const struct rows *rows, struct pager *pager,
		      const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	char net[FORMAT_BYTES], peak[FORMAT_BYTES], grown[FORMAT_BYTES], shrunk[FORMAT_BYTES];
	char capacity[FORMAT_BYTES] = "not known";
	uint64_t start = facts->break_initial;

	if (process->headroom_known)
		detail_bytes(rows, capacity, process->headroom_bytes);
	pager_add(pager, STYLE_PLAIN, "  break %#llx, at start %#llx: %s; at most +%s above that",
		  (unsigned long long)facts->break_current, (unsigned long long)start,
		  format_delta(net, (int64_t)(facts->break_current - start)),
		  detail_bytes(rows, peak, model_heap_peak(facts)));
	pager_add(pager, STYLE_PLAIN,
		  "  grown by %s, given back %s; headroom up to the next mapping: %s",
		  detail_bytes(rows, grown, model_grown(facts)),
		  detail_bytes(rows, shrunk, model_shrunk(facts)), capacity);
	for (int by = 0; by < BY_COUNT; by++)
		pager_add(pager, STYLE_PLAIN, "  %-7s %llu moves up, %llu down",
			  by == BY_MALLOC ? "malloc:" : "direct:",
			  (unsigned long long)facts->moves[by].grows,
			  (unsigned long long)facts->moves[by].shrinks);
}

static void add_attachments(const struct rows *rows, struct pager *pager,
			    const struct model_process *process)
{
	char size[FORMAT_BYTES], key[16], since[FORMAT_BYTES];

	pager_add(pager, STYLE_PLAIN, "%s", "");
	pager_add(pager, STYLE_BOLD, "Attachments  %u, %s", process->attached_count,
		  detail_bytes(rows, size, process->attached_bytes));
	for (uint32_t i = 0; i < process->attached_count; i++) {
		const struct model_attachment *a = &process->attached[i];

		pager_add(pager, STYLE_PLAIN, "  %#14llx  segment %d  key %s  %s  %s%s  since %s",
			  (unsigned long long)a->address, a->segment->shmid,
			  key_words(a->segment, key), detail_bytes(rows, size, a->segment->size),
			  a->inherited ? "inherited by fork" : "by shmat",
			  a->readonly ? ", read-only" : "", format_duration(since, a->since_ns));
	}
}

static void detail_add_sites(const struct rows *rows, struct pager *pager)
{
	const struct model *model = rows->live->single.model;
	struct filter all = {0};
	uint32_t count = 0;
	struct site_group *groups = sites_group(model, &all, &count);
	char size[FORMAT_BYTES], times[FORMAT_BYTES];

	pager_add(pager, STYLE_PLAIN, "%s", "");
	pager_add(pager, STYLE_BOLD, "Call sites  %u", count);
	for (uint32_t i = 0; groups && i < count && i < SITES_MOST; i++)
		pager_add(pager, STYLE_PLAIN, "  %8s in %s %s%s by %s",
			  detail_bytes(rows, size, groups[i].site.bytes),
			  format_count(times, groups[i].site.count),
			  event_name(groups[i].site.call),
			  groups[i].site.by_malloc ? " (malloc)" : "", groups[i].where);
	free(groups);
}

static void write_process(const struct detail *detail, const struct rows *rows, struct pager *pager,
			  unsigned lines, unsigned columns)
{
	const struct model_process *process = model_process(rows->live->now, detail->instance);
	struct chart chart = {&rows->live->trends, process, live_session_now_ns(rows->live),
			      rows->utf8};
	char state[32];

	if (!process) {
		pager_add(pager, STYLE_DIM, "  this process is not in the session");
		return;
	}
	pager_add(pager, STYLE_BOLD, "Process %d  %s  %s", process->facts.pid,
		  model_program_name(&process->facts), words_state(&process->facts, state));
	pager_add(pager, STYLE_PLAIN, "  %s", process->facts.cmdline);
	if (rows->frozen)
		pager_add(pager, STYLE_DIM, "  no chart while the display is frozen");
	else
		chart_large(&chart, pager, columns, lines > 30 ? 10 : lines > 16 ? 6 : 3);
	add_break(rows, pager, process);
	add_attachments(rows, pager, process);
	if (rows->live->single_instance == detail->instance)
		detail_add_sites(rows, pager);
}

/* ---- one segment ---- */

static void add_by(const struct rows *rows, struct pager *pager, const char *what,
		   uint32_t instance, uint32_t stack, uint64_t ns)
{
	const struct model_process *process = model_process(rows->live->now, instance);
	char when[FORMAT_BYTES];

	if (!process)
		return;
	pager_add(pager, STYLE_BOLD, "%s by %s (%d), %s after the session's start", what,
		  model_program_name(&process->facts), process->facts.pid,
		  format_duration(when, ns));
	pager_add(pager, STYLE_PLAIN, "  %s", process->facts.cmdline);
	add_stack(rows, pager, instance, stack);
}

static void add_origin(const struct rows *rows, struct pager *pager,
		       const struct model_segment *object)
{
	if (object->created != CREATED_NOT)
		add_by(rows, pager, "Created", object->creator, object->creator_stack,
		       object->seen_ns);
	if (object->removed)
		add_by(rows, pager, "Removed", object->remover, object->remover_stack,
		       object->removed_ns);
}

static void detail_add_holders(const struct rows *rows, struct pager *pager,
			       const struct model_segment *segment)
{
	const struct model *model = rows->live->now;

	pager_add(pager, STYLE_BOLD, "Held by");
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		for (uint32_t k = 0; process && k < process->attached_count; k++)
			if (process->attached[k].segment == segment)
				pager_add(pager, STYLE_PLAIN, "  %7d  %-15s  %#14llx  %s%s",
					  process->facts.pid, model_program_name(&process->facts),
					  (unsigned long long)process->attached[k].address,
					  process->attached[k].inherited ? "inherited by fork"
									 : "by shmat",
					  process->attached[k].readonly ? ", read-only" : "");
	}
	for (uint32_t i = 0; i < model->kernel.holder_count; i++) {
		const struct kernel_holder *holder = &model->kernel.holders[i];

		if (holder->shmid == segment->shmid && !holder->other_ipc && segment->in_kernel &&
		    !model_holder_process(model, holder))
			pager_add(pager, STYLE_PLAIN,
				  "  %7d  %-15s  %#14llx  not of this session%s", holder->pid,
				  holder->comm, (unsigned long long)holder->start,
				  holder->readonly ? ", read-only" : "");
	}
}

static void write_segment(const struct detail *detail, const struct rows *rows, struct pager *pager)
{
	const struct model *model = rows->live->now;
	const struct model_segment *segment = detail->place < model->segments.count
						      ? model->segments.rows[detail->place]
						      : NULL;
	char size[FORMAT_BYTES], key[16];

	if (!segment)
		return;
	pager_add(pager, *words_segment_fault(segment) ? STYLE_RED : STYLE_BOLD,
		  "Segment %d  key %s  %s  %s%s", segment->shmid, key_words(segment, key),
		  detail_bytes(rows, size, segment->size), words_segment_state(segment),
		  words_segment_fault(segment));
	if (segment->in_kernel)
		pager_add(pager, STYLE_PLAIN,
			  "  by the kernel: nattch %llu, mode %04o, owner %u, %s in memory",
			  (unsigned long long)segment->kernel.nattch, segment->kernel.mode & 0777,
			  segment->kernel.owner_uid,
			  detail_bytes(rows, size, segment->kernel.resident_bytes));
	pager_add(pager, STYLE_PLAIN,
		  "  %llu attached, %llu detached, %llu inherited by fork; at most %llu at once",
		  (unsigned long long)segment->attaches, (unsigned long long)segment->detaches,
		  (unsigned long long)segment->inherited, (unsigned long long)segment->peak);
	detail_add_holders(rows, pager, segment);
	add_origin(rows, pager, segment);
}

static void write_object(const struct detail *detail, const struct rows *rows, struct pager *pager,
			 unsigned columns)
{
	const struct model_segments *objects = &rows->live->now->objects;

	if (detail->place >= objects->count)
		return;
	ipc_write_object(rows, pager, objects->rows[detail->place], columns);
	add_origin(rows, pager, objects->rows[detail->place]);
}

/* ---- sites, events, findings, help ---- */

static void write_finding(const struct detail *detail, const struct rows *rows, struct pager *pager,
			  unsigned columns)
{
	pager_add(pager, STYLE_BOLD, "%s", detail->title);
	pager_wrap(pager, STYLE_PLAIN, 2, columns, detail->text);
	pager_wrap(pager, STYLE_PLAIN, 2, columns, detail->ids);
	pager_wrap(pager, STYLE_DIM, 2, columns, detail->advice);
	if (detail->stack)
		add_stack(rows, pager, detail->instance, detail->stack);
}

static void write_help(struct pager *pager)
{
	pager_add(pager, STYLE_BOLD, "Keys");
	for (int action = 1; action < ACTION_COUNT; action++)
		pager_add(pager, STYLE_PLAIN, "  %-14s %s", keys_table[action].written,
			  keys_table[action].meaning);
	pager_add(pager, STYLE_PLAIN, "%s", "");
	pager_add(pager, STYLE_BOLD, "Columns");
	pager_add(pager, STYLE_PLAIN, "  NET       the break now minus the break at the start");
	pager_add(pager, STYLE_PLAIN, "  NET/S     growth per second; MOVES/S  moves per second");
	pager_add(pager, STYLE_PLAIN, "  SHM       attachments: now/most at one time");
	pager_add(pager, STYLE_PLAIN, "  NATTCH    attachments that the kernel counts");
	pager_add(pager, STYLE_PLAIN, "  HELD BY   processes of the session that have it attached");
}

void detail_write(const struct detail *detail, const struct rows *rows, struct pager *pager,
		  unsigned lines, unsigned columns)
{
	pager_begin(pager);
	switch (detail->kind) {
	case DETAIL_PROCESS:
		write_process(detail, rows, pager, lines, columns);
		break;
	case DETAIL_SEGMENT:
		write_segment(detail, rows, pager);
		break;
	case DETAIL_OBJECT:
		write_object(detail, rows, pager, columns);
		break;
	case DETAIL_STACK:
		pager_wrap(pager, STYLE_BOLD, 0, columns, detail->title);
		add_stack(rows, pager, detail->instance, detail->stack);
		break;
	case DETAIL_FINDING:
		write_finding(detail, rows, pager, columns);
		break;
	case DETAIL_HELP:
		write_help(pager);
		break;
	case DETAIL_NONE:
		break;
	}
}

/* "0, 1, 2 and 497 more": the objects or processes of a finding about several. */
static void write_ids(struct detail *detail, const struct finding *finding)
{
	size_t used = 0, bytes = sizeof detail->ids;

	for (uint32_t i = 0; finding->id_count > 1 && i < finding->id_count && used < bytes; i++)
		used += (size_t)snprintf(detail->ids + used, bytes - used, "%s%d", i ? ", " : "",
					 finding->ids[i]);
	if (used && used < bytes && !finding->failure && finding->count > finding->id_count)
		snprintf(detail->ids + used, bytes - used, " and %llu more",
			 (unsigned long long)(finding->count - finding->id_count));
}

static void of_finding(struct detail *detail, const struct finding *finding)
{
	*detail = (struct detail){.kind = DETAIL_FINDING,
				  .instance = finding->stack_instance,
				  .stack = finding->stack};
	snprintf(detail->title, sizeof detail->title, "%s", model_finding_name(finding->kind));
	snprintf(detail->text, sizeof detail->text, "%s", finding->text ? finding->text : "");
	write_ids(detail, finding);
	snprintf(detail->advice, sizeof detail->advice, "%s",
		 finding->advice ? finding->advice : "");
}

static void of_stack(struct detail *detail, uint32_t instance, uint32_t stack, const char *title)
{
	*detail = (struct detail){.kind = DETAIL_STACK, .instance = instance, .stack = stack};
	snprintf(detail->title, sizeof detail->title, "%s", title);
}

void detail_of_row(struct detail *detail, enum top_view view, const void *row,
		   const struct rows *rows)
{
	const struct site_group *group = row;
	const struct event *event = row;
	const struct model_segment *object = row;

	switch (view) {
	case VIEW_PROCESSES:
		*detail = (struct detail){
			.kind = DETAIL_PROCESS,
			.instance = ((const struct model_process *)row)->facts.instance};
		break;
	case VIEW_SEGMENTS:
		*detail = (struct detail){
			.kind = DETAIL_SEGMENT,
			.place = ((const struct rows_segment *)row)->segment->place};
		break;
	case VIEW_IPC:
		*detail = (struct detail){.kind = object->kind == SHARED_MEMORY ? DETAIL_SEGMENT
										: DETAIL_OBJECT,
					  .place = object->place};
		break;
	case VIEW_SITES:
		of_stack(detail, group->site.instance, group->site.stack, group->where);
		break;
	case VIEW_EVENTS:
		of_stack(detail, event->process, event->stack, rows_event_line(rows, event));
		break;
	default:
		of_finding(detail, row);
	}
}
