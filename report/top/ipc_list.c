/* SPDX-License-Identifier: MIT */
#include "report/top/ipc_list.h"

#include <stdio.h>
#include <string.h>

#include "report/top/screen.h"
#include "report/util/format.h"
#include "report/view/cell.h"
#include "report/view/report_objects.h"
#include "report/view/report_tables.h"
#include "report/view/words.h"

#define SEMAPHORES_SHOWN 16

const struct table_column ipc_columns[] = {
#define IPC(id, name, heading, right, descending, wanted) \
	{#name, heading, right, descending, wanted},
#include "report/top/columns.def"
	{0},
};

enum ipc_column {
#define IPC(id, ...) OF_IPC_##id,
#include "report/top/columns.def"
};

/* ---- the list ---- */

static const char *ipc_kind(const struct model_segment *object)
{
	static const char *const names[OBJECT_KIND_COUNT] = {
		[SHARED_MEMORY] = "segment", [SEMAPHORE_SET] = "set", [MESSAGE_QUEUE] = "queue"};

	return object->kind < OBJECT_KIND_COUNT ? names[object->kind] : "?";
}

void ipc_cell(const void *row, unsigned column, struct cell *cell, const void *context)
{
	const struct rows *rows = context;
	const struct model_segment *object = row;
	struct report_context report = {rows->live->now, rows->exact, rows->utf8};
	const char *name = ipc_columns[column].name;

	cell->color = COLOR_NONE;
	if (column == OF_IPC_KIND)
		cell_put_text(cell, ipc_kind(object));
	else if (column == OF_IPC_OPS)
		cell_put_count(cell, object->attaches + object->detaches);
	else if (column == OF_IPC_MESSAGES && object->kind != MESSAGE_QUEUE)
		cell_put_text(cell, "-");
	else if (column == OF_IPC_MESSAGES)
		report_queue_cell(row, (unsigned)table_column(report_queue_columns, name), cell,
				  &report);
	else
		report_set_cell(row, (unsigned)table_column(report_set_columns, name), cell,
				&report);
}

uint64_t ipc_identity(const void *row)
{
	const struct model_segment *object = row;

	return (uint64_t)object->kind << 32 | (object->place + 1);
}

static void ipc_add(const struct rows *rows, struct list *list,
		    const struct model_segments *objects)
{
	for (uint32_t i = 0; i < objects->count; i++)
		if (filter_segment(rows->filter, objects->rows[i]))
			list_add(list, objects->rows[i]);
}

void ipc_add_rows(const struct rows *rows, struct list *list)
{
	ipc_add(rows, list, &rows->live->now->segments);
	ipc_add(rows, list, &rows->live->now->objects);
}

/* ---- the page ---- */

/* The newest process of the session that has this pid; null: none has. */
static const struct model_process *ipc_process(const struct model *model, int32_t pid)
{
	for (uint32_t i = model->processes.instance_capacity; pid > 0 && i-- > 1;) {
		const struct model_process *process = model->processes.by_instance[i];

		if (process && model_pid_here(model, &process->facts) == pid)
			return process;
	}
	return NULL;
}

static void ipc_write_last(const struct rows *rows, struct pager *pager, const char *what,
			   int32_t pid, bool *any)
{
	const struct model_process *process = ipc_process(rows->live->now, pid);

	if (pid <= 0)
		return;
	if (!*any)
		pager_add(pager, STYLE_BOLD, "Operated last, by the kernel");
	*any = true;
	pager_add(pager, STYLE_PLAIN, "  %s  %7d  %s", what, pid,
		  process ? model_program_name(&process->facts) : "not of this session");
}

/* What the kernel says at this moment. */
static void ipc_write_kernel(const struct rows *rows, struct pager *pager,
			     const struct model_segment *object)
{
	char what[32];
	bool any = false;

	if (!object->in_kernel || rows->live->now->session.state != SESSION_LIVE)
		return;
	if (object->kind == MESSAGE_QUEUE) {
		ipc_write_last(rows, pager, "sent    ", object->kernel.last_pid, &any);
		ipc_write_last(rows, pager, "received", object->kernel.received_pid, &any);
		return;
	}
	for (int i = 0; i < SEMAPHORES_SHOWN && (uint64_t)i < object->size; i++) {
		snprintf(what, sizeof what, "semaphore %-3d", i);
		ipc_write_last(rows, pager, what,
			       live_session_operated(rows->live, object->shmid, i), &any);
	}
	if (object->size > SEMAPHORES_SHOWN)
		pager_add(pager, STYLE_DIM, "  and %llu more semaphores",
			  (unsigned long long)object->size - SEMAPHORES_SHOWN);
}

/* Each of the report's lines about a wait, wrapped. */
static void ipc_write_wait(const struct model *model, const struct wait_facts *wait,
			   struct pager *pager, unsigned columns)
{
	static struct out out;
	char *rest = out.buffer, *line;

	out.used = 0;
	report_wait_put(&out, model, wait);
	out.buffer[out.used] = '\0';
	while ((line = strsep(&rest, "\n")) && *line) {
		unsigned indent = (unsigned)strspn(line, " ");

		pager_wrap(pager, STYLE_YELLOW, indent, columns, line + indent);
	}
}

static void ipc_write_waits(const struct rows *rows, struct pager *pager,
			    const struct model_segment *object, unsigned columns)
{
	const struct model *model = rows->live->now;
	bool any = false;

	for (uint32_t i = 0; i < model->operations.wait_count; i++) {
		const struct wait_facts *wait = &model->operations.waits[i];

		if (!report_wait_is_of(wait, object))
			continue;
		if (!any)
			pager_add(pager, STYLE_BOLD, "Waiting");
		any = true;
		ipc_write_wait(model, wait, pager, columns);
	}
}

static void ipc_write_users(const struct rows *rows, struct pager *pager,
			    const struct model_segment *object)
{
	const struct model *model = rows->live->now;
	bool any = false;

	for (uint32_t i = 0; i < model->operations.use_count; i++) {
		const struct use_facts *use = &model->operations.uses[i];
		const struct model_process *process = model_process(model, use->instance);

		if (use->kind != object->kind || use->id != object->shmid || !process)
			continue;
		if (!any)
			pager_add(pager, STYLE_BOLD, "Used by");
		any = true;
		pager_add(pager, process->facts.ended ? STYLE_DIM : STYLE_PLAIN,
			  object->kind == SEMAPHORE_SET ? "  %7d  %-15s  %llu operations"
							: "  %7d  %-15s  %llu sent, %llu received",
			  process->facts.pid, model_program_name(&process->facts),
			  (unsigned long long)use->operations, (unsigned long long)use->received);
	}
}

void ipc_write_object(const struct rows *rows, struct pager *pager,
		      const struct model_segment *object, unsigned columns)
{
	char key[32] = "-", what[64];

	if (object->key_known)
		snprintf(key, sizeof key, object->key ? "0x%08x" : "IPC_PRIVATE", object->key);
	if (object->kind == SEMAPHORE_SET)
		snprintf(what, sizeof what, "%llu semaphores", (unsigned long long)object->size);
	else
		snprintf(what, sizeof what, "%llu messages in it",
			 (unsigned long long)object->kernel.nattch);
	pager_add(pager, *words_segment_fault(object) ? STYLE_RED : STYLE_BOLD,
		  "%s %d  key %s%s%s  %s%s",
		  object->kind == SEMAPHORE_SET ? "Semaphore set" : "Message queue", object->shmid,
		  key, object->kind == SEMAPHORE_SET || object->in_kernel ? "  " : "",
		  object->kind == SEMAPHORE_SET || object->in_kernel ? what : "",
		  words_segment_state(object), words_segment_fault(object));
	ipc_write_waits(rows, pager, object, columns);
	ipc_write_kernel(rows, pager, object);
	ipc_write_users(rows, pager, object);
}
