/* SPDX-License-Identifier: MIT */
#include "report/session/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report/model/apply_event.h"
#include "report/model/copy.h"
#include "report/model/finalize.h"
#include "report/model/findings_group.h"
#include "report/model/holders.h"
#include "report/model/kernel_snapshots.h"
#include "report/procfs/holders.h"
#include "report/reader/kernel_check.h"
#include "report/reader/tables.h"
#include "report/session/find.h"
#include "report/session/left_behind.h"
#include "report/session/naming.h"
#include "report/util/error.h"
#include "report/util/limits.h"
#include "report/util/progress.h"

int session_no_memory(void)
{
	char why[256];

	limits_explain_reading(ENOMEM, why, sizeof why);
	error_line("reading", why);
	return EXIT_ABSENT;
}

/* ---- facts, from the reader into the model ---- */

#define FACT(name, type)                                                      \
	static void session_add_##name(void *model, const struct type *facts) \
	{                                                                     \
		model_add_##name(model, facts);                               \
	}
#include "report/reader/facts.def"
#undef FACT

static void session_add_loss(void *model, enum loss loss, uint64_t count)
{
	model_add_loss(model, loss, count);
}

static void session_add_deepest_stack(void *context, uint32_t frames)
{
	struct model *model = context;

	if (frames > model->stacks.deepest_cut)
		model->stacks.deepest_cut = frames;
}

static struct facts_visitor session_visitor(struct model *model)
{
	return (struct facts_visitor){
#define FACT(name, type) .name = session_add_##name,
#include "report/reader/facts.def"
#undef FACT
		.lost = session_add_loss,
		.deepest_stack = session_add_deepest_stack,
		.context = model,
	};
}

/* ---- opening ---- */

/* Takes over the source, which may be null. */
static int session_open_source(struct session *session, struct source *source, const char *path,
			       bool follow)
{
	struct facts_visitor visitor;

	*session = (struct session){.source = source};
	if (!session->source)
		return EXIT_ABSENT;
	if (source_session(session->source)->segment_missing)
		error_line(path, "its segment's file is gone: only events that the recorder had "
				 "copied are shown");
	session->cursor = cursor_open(session->source, follow);
	session->model = model_make(source_session(session->source));
	if (!session->cursor || !session->model) {
		session_close(session);
		return session_no_memory();
	}
	if (strcmp(source_path(session->source), FIND_RECORDING) != 0)
		session->model->file = source_path(session->source);
	visitor = session_visitor(session->model);
	session->model->kernel.known = kernel_read_segments(session->source, &visitor);
	/* Snapshots and objects: the model needs their segments before the events. */
	if (tables_read_snapshots(session->source, &visitor) &&
	    tables_read_objects(session->source, &visitor) &&
	    tables_read_processes(session->source, &visitor))
		return 0;
	session_close(session);
	return session_no_memory();
}

int session_open(struct session *session, const char *path, bool follow)
{
	return session_open_source(session, source_open(path), path, follow);
}

void session_new_processes(struct session *session)
{
	struct facts_visitor visitor = session_visitor(session->model);

	tables_read_processes(session->source, &visitor);
}

void session_stacks(struct session *session)
{
	struct facts_visitor visitor = session_visitor(session->model);

	tables_read_stacks(session->source, &visitor);
}

static bool patience_allows(struct session_patience *patience)
{
	return patience->skip == 0 || --patience->skip == 0;
}

static bool patience_learn(struct session_patience *patience, bool helped)
{
	patience->misses = helped ? 0 : patience->misses + 1;
	patience->skip = helped ? 0 : 1u << (patience->misses < 20 ? patience->misses : 20);
	return helped;
}

void session_find_process(struct session *session, uint32_t instance)
{
	if (model_process(session->model, instance) || !patience_allows(&session->processes))
		return;
	session_new_processes(session);
	patience_learn(&session->processes, model_process(session->model, instance) != NULL);
}

bool session_find_stack(struct session *session, uint32_t stack)
{
	if (model_knows_stack(session->model, stack) || !patience_allows(&session->stacks))
		return false;
	session_stacks(session);
	return patience_learn(&session->stacks, model_knows_stack(session->model, stack));
}

static void add_cursor_losses(const struct session *session, struct model *model)
{
	static const enum loss by_cursor[] = {LOST_OVERWRITTEN, LOST_TORN, LOST_DAMAGED};

	for (size_t i = 0; i < sizeof by_cursor / sizeof *by_cursor; i++)
		model_add_loss(model, by_cursor[i], cursor_lost(session->cursor, by_cursor[i]));
}

int session_finish(struct session *session)
{
	struct facts_visitor visitor = session_visitor(session->model);
	struct holders_session held;

	if (!tables_read(session->source, &visitor) ||
	    !tables_read_stacks(session->source, &visitor))
		return session_no_memory();
	add_cursor_losses(session, session->model);
	model_recognize_namespace(session->model);
	left_behind_learn_removed(session);
	kernel_read_processes(session->source, &visitor);
	source_session_mapping(session->source, &held);
	if (session->model->session.same_ipc && model_wants_holders(session->model))
		holders_each(&held, session_add_holder, session->model);
	model_finalize(session->model);
	return session->model->no_memory ? session_no_memory() : 0;
}

/* ---- a live session ---- */

bool session_renew(struct session *session)
{
	struct facts_visitor visitor = session_visitor(session->model);

	session->model->session = *source_renew(session->source);
	model_drop_kernel_rows(session->model);
	session->model->kernel.known = kernel_read_segments(session->source, &visitor);
	model_recognize_namespace(session->model);
	return tables_read_snapshots(session->source, &visitor) &&
	       tables_read_objects(session->source, &visitor) &&
	       tables_read_processes(session->source, &visitor);
}

struct model *session_copy(struct session *session)
{
	struct model *copy = model_copy(session->model);
	struct facts_visitor visitor = session_visitor(copy);

	if (!copy)
		return NULL;
	visitor.process =
		NULL; /* the original has the processes of the same moment as its events */
	kernel_read_segments(session->source, &visitor);
	if (tables_read_rest(session->source, &visitor)) {
		add_cursor_losses(session, copy);
		copy->losses.missed = cursor_missed(session->cursor);
		copy->losses.lost[LOST_OVERWRITTEN] -= copy->losses.missed;
		return copy;
	}
	model_free(copy);
	return NULL;
}

/* ---- a whole session ---- */

static void session_add_events(struct session *session, const struct session_reading *reading,
			       const struct event *events, uint32_t count)
{
	if (!reading->visit) {
		model_add_events(session->model, events, count);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		model_add_event(session->model, &events[i]);
		reading->visit(reading->context, &events[i]);
	}
}

/* Adds every event to the model. `ret`: the exit code of opening, 0 if it succeeded. */
static int session_events(struct session *session, int ret, const struct session_reading *reading)
{
	const struct filter *filter = reading->filter;
	enum cursor_answer answer;
	const struct event *events;
	uint32_t count;

	if (ret != 0)
		return ret;
	session->model->sites.filter = filter && filter_is_set(filter) ? filter : NULL;
	session->model->sites.by_process = reading->sites_by_process;
	while ((answer = cursor_take(session->cursor, &events, &count)) == CURSOR_MORE) {
		session_add_events(session, reading, events, count);
		progress_step("reading", session->model->last_ns,
			      session->model->session.duration_ns);
	}
	progress_clear();
	ret = answer == CURSOR_NO_MEMORY ? session_no_memory() : session_finish(session);
	if (ret != 0)
		session_close(session);
	return ret;
}

int session_read(struct session *session, const char *path, const struct session_reading *reading)
{
	return session_events(session, session_open(session, path, false), reading);
}

int session_filtered(struct session *session, const char *path, const struct filter *filter)
{
	return session_read(session, path, &(struct session_reading){.filter = filter});
}

int session_all(struct session *session, const char *path)
{
	return session_filtered(session, path, NULL);
}

int session_descriptor(struct session *session, int fd, const char *path)
{
	struct source *source = source_open_descriptor(fd, path);

	return session_events(session, session_open_source(session, source, path, false),
			      &(struct session_reading){.filter = NULL});
}

/* Unfollowed processes count too. */
static bool knows_process(const struct model *model, int32_t pid)
{
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i] &&
		    model_has_pid(&model->processes.by_instance[i]->facts, pid))
			return true;
	for (uint32_t i = 0; i < model->processes.unfollowed_count; i++)
		if (model->processes.unfollowed[i].pid == pid)
			return true;
	return false;
}

/* A finding may have an id that no segment had, of a failed call. */
static bool knows_object(const struct model *model, enum object_kind kind, int32_t id)
{
	const struct model_segments *of = kind == SHARED_MEMORY ? &model->segments
								: &model->objects;

	for (uint32_t i = 0; i < of->count; i++)
		if (of->rows[i]->kind == kind && of->rows[i]->shmid == id)
			return true;
	for (uint32_t i = 0; i < model->findings.count; i++)
		if (model->findings.rows[i].object_kind == kind &&
		    model->findings.rows[i].shmid == id)
			return true;
	return false;
}

bool session_has(const struct session *session, const struct model *model,
		 const struct filter *filter)
{
	static const char *const names[] = {"segment", "semaphore set", "message queue"};
	bool process = !filter->pid || knows_process(model, filter->pid);
	bool object = !filter->by_id || knows_object(model, filter->kind, filter->id);

	if (!process)
		error_format(source_path(session->source),
			     "process %d is not in it; 'memshim report' lists them", filter->pid);
	else if (!object)
		error_format(source_path(session->source),
			     "%s %d is not in it; 'memshim report' lists them", names[filter->kind],
			     filter->id);
	return process && object;
}

/* Looks up the names that rules and groups compare. */
static void session_name_findings(struct session *session)
{
	const struct model_findings *findings = &session->model->findings;
	uint32_t *stacks = calloc(findings->count + 1, sizeof *stacks);

	for (uint32_t i = 0; stacks && i < findings->count; i++)
		stacks[i] = findings->rows[i].stack;
	if (stacks && findings->count)
		session_stack_names(session, stacks, findings->count);
	session->model->no_memory |= !stacks;
	free(stacks);
}

void session_findings(struct session *session, const struct suppression *rules,
		      const struct filter *filter)
{
	filter_findings(filter, session->model);
	session_name_findings(session);
	if (rules)
		model_suppress(session->model, rules);
	findings_group(session->model);
}

void session_close(struct session *session)
{
	cursor_close(session->cursor);
	model_free(session->model);
	source_close(session->source);
	symbols_close(session->symbols);
	*session = (struct session){0};
}
