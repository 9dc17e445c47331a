/* SPDX-License-Identifier: MIT */
#include "report/session/session.h"

#include <errno.h>
#include <string.h>

#include "report/procfs/holders.h"
#include "report/reader/kernel.h"
#include "report/reader/tables.h"
#include "report/session/find.h"
#include "report/session/left_behind.h"
#include "report/session/naming.h"
#include "report/util/error.h"

int load_no_memory(void)
{
	error_line("reading", strerror(ENOMEM));
	return EXIT_ABSENT;
}

static void take_process(void *model, const struct process_facts *facts)
{
	model_add_process(model, facts);
}

static void take_attachment(void *model, const struct attachment_facts *facts)
{
	model_add_attachment(model, facts);
}

static void take_creator(void *model, const struct process_facts *facts)
{
	model_add_creator(model, facts);
}

static void take_ledger(void *model, const struct ledger_facts *facts)
{
	model_add_ledger(model, facts);
}

static void take_witness(void *model, const struct witness_facts *facts)
{
	model_add_witness(model, facts);
}

static void take_identity(void *model, const struct identity_facts *facts)
{
	model_add_identity(model, facts);
}

static void take_module(void *model, const struct module_facts *facts)
{
	model_add_module(model, facts);
}

static void take_frame(void *model, const struct frame_facts *facts)
{
	model_add_frame(model, facts);
}

static void take_load(void *model, const struct load_facts *facts)
{
	model_add_load(model, facts);
}

static void take_loss(void *model, enum loss loss, uint64_t count)
{
	model_add_loss(model, loss, count);
}

static void take_deepest_stack(void *context, uint32_t frames)
{
	struct model *model = context;

	if (frames > model->deepest_stack)
		model->deepest_stack = frames;
}

static void take_kernel_segment(void *model, const struct kernel_segment *segment)
{
	model_add_kernel_segment(model, segment);
}

static void take_kernel_process(void *model, const struct kernel_process *process)
{
	model_add_kernel_process(model, process);
}

static void take_holder(void *model, const struct kernel_holder *holder)
{
	model_add_holder(model, holder);
}

static void take_sight(void *model, const struct sight_facts *facts)
{
	model_add_sight(model, facts);
}

static void take_object(void *model, const struct object_facts *facts)
{
	model_add_object(model, facts);
}

static struct tables_taker tables_taker(struct load *load)
{
	return (struct tables_taker){
		.process = take_process,
		.attachment = take_attachment,
		.creator = take_creator,
		.ledger = take_ledger,
		.witness = take_witness,
		.identity = take_identity,
		.module = take_module,
		.frame = take_frame,
		.load = take_load,
		.lost = take_loss,
		.deepest_stack = take_deepest_stack,
		.context = load->model,
	};
}

/* Takes the source, which may be null. */
static int load_open_source(struct load *load, struct source *source, const char *path, bool follow)
{
	struct kernel_taker kernel = {take_kernel_segment, take_kernel_process, NULL};
	struct tables_taker taker;

	*load = (struct load){.source = source};
	if (!load->source)
		return EXIT_ABSENT;
	if (source_session(load->source)->segment_missing)
		error_line(path, "its segment's file is gone: only what had been taken from it is "
				 "shown");
	load->cursor = cursor_open(load->source, follow);
	load->model = model_make(source_session(load->source));
	if (!load->cursor || !load->model) {
		load_close(load);
		return load_no_memory();
	}
	if (strcmp(source_path(load->source), FIND_RECORDING) != 0)
		load->model->file = source_path(load->source);
	kernel.context = load->model;
	load->model->kernel_known = kernel_read_segments(load->source, &kernel);
	taker = tables_taker(load);
	/* Of the segments that are found, before their events. */
	taker.sight = take_sight;
	taker.object = take_object;
	if (tables_read_sights(load->source, &taker) &&
	    tables_read_objects(load->source, &taker) &&
	    tables_read_processes(load->source, &taker))
		return 0;
	load_close(load);
	return load_no_memory();
}

int load_open(struct load *load, const char *path, bool follow)
{
	return load_open_source(load, source_open(path), path, follow);
}

void load_new_processes(struct load *load)
{
	struct tables_taker taker = tables_taker(load);

	tables_read_processes(load->source, &taker);
}

void load_stacks(struct load *load)
{
	struct tables_taker taker = tables_taker(load);

	tables_read_stacks(load->source, &taker);
}

static bool is_worth_a_look(struct load_patience *patience)
{
	return patience->skip == 0 || --patience->skip == 0;
}

static bool learn_patience(struct load_patience *patience, bool helped)
{
	patience->misses = helped ? 0 : patience->misses + 1;
	patience->skip = helped ? 0 : 1u << (patience->misses < 20 ? patience->misses : 20);
	return helped;
}

void load_find_process(struct load *load, uint32_t instance)
{
	if (model_process(load->model, instance) || !is_worth_a_look(&load->processes))
		return;
	load_new_processes(load);
	learn_patience(&load->processes, model_process(load->model, instance) != NULL);
}

bool load_find_stack(struct load *load, uint32_t stack)
{
	if (model_knows_stack(load->model, stack) || !is_worth_a_look(&load->stacks))
		return false;
	load_stacks(load);
	return learn_patience(&load->stacks, model_knows_stack(load->model, stack));
}

static void add_cursor_losses(const struct load *load, struct model *model)
{
	static const enum loss by_cursor[] = {LOST_OVERWRITTEN, LOST_TORN, LOST_DAMAGED};

	for (size_t i = 0; i < sizeof by_cursor / sizeof *by_cursor; i++)
		model_add_loss(model, by_cursor[i], cursor_lost(load->cursor, by_cursor[i]));
}

int load_finish(struct load *load)
{
	struct kernel_taker kernel = {take_kernel_segment, take_kernel_process, load->model};
	struct tables_taker taker = tables_taker(load);
	struct holders_session session;

	if (!tables_read(load->source, &taker) || !tables_read_stacks(load->source, &taker))
		return load_no_memory();
	add_cursor_losses(load, load->model);
	model_recognize_namespace(load->model);
	left_behind_learn_removed(load);
	kernel_read_processes(load->source, &kernel);
	source_session_mapping(load->source, &session);
	if (load->model->session.same_ipc && model_wants_holders(load->model))
		holders_each(&session, take_holder, load->model);
	model_finish(load->model);
	return load->model->no_memory ? load_no_memory() : 0;
}

/* ---- again and again ---- */

bool load_renew(struct load *load)
{
	struct kernel_taker kernel = {take_kernel_segment, NULL, load->model};
	struct tables_taker taker = tables_taker(load);

	load->model->session = *source_renew(load->source);
	model_forget_kernel(load->model);
	load->model->kernel_known = kernel_read_segments(load->source, &kernel);
	model_recognize_namespace(load->model);
	taker.sight = take_sight;
	taker.object = take_object;
	return tables_read_sights(load->source, &taker) &&
	       tables_read_objects(load->source, &taker) &&
	       tables_read_processes(load->source, &taker);
}

struct model *load_copy(struct load *load)
{
	struct model *copy = model_copy(load->model);
	struct kernel_taker kernel = {take_kernel_segment, NULL, copy};
	struct tables_taker taker = tables_taker(load);

	if (!copy)
		return NULL;
	taker.process = NULL; /* the original has them, of the same instant as its events */
	taker.context = copy;
	kernel_read_segments(load->source, &kernel);
	if (tables_read_rest(load->source, &taker)) {
		add_cursor_losses(load, copy);
		copy->missed = cursor_missed(load->cursor);
		copy->lost[LOST_OVERWRITTEN] -= copy->missed;
		return copy;
	}
	model_free(copy);
	return NULL;
}

/* ---- all at once ---- */

/* Feeds it every event; `ret`: whether it could be opened. */
static int load_events(struct load *load, int ret, const struct filter *filter)
{
	enum cursor_answer answer;
	const struct event *events;
	uint32_t count;

	if (ret != 0)
		return ret;
	load->model->sites_of = filter && filter_is_set(filter) ? filter : NULL;
	while ((answer = cursor_take(load->cursor, &events, &count)) == CURSOR_MORE)
		model_feed_all(load->model, events, count);
	ret = answer == CURSOR_NO_MEMORY ? load_no_memory() : load_finish(load);
	if (ret != 0)
		load_close(load);
	return ret;
}

int load_filtered(struct load *load, const char *path, const struct filter *filter)
{
	return load_events(load, load_open(load, path, false), filter);
}

int load_all(struct load *load, const char *path)
{
	return load_filtered(load, path, NULL);
}

int load_descriptor(struct load *load, int fd, const char *path)
{
	struct source *source = source_open_descriptor(fd, path);

	return load_events(load, load_open_source(load, source, path, false), NULL);
}

/* Those that were not followed are known as well. */
static bool knows_process(const struct model *model, int32_t pid)
{
	for (uint32_t i = 1; i < model->instance_room; i++)
		if (model->by_instance[i] && model_has_pid(&model->by_instance[i]->facts, pid))
			return true;
	for (uint32_t i = 0; i < model->witness_count; i++)
		if (model->witnesses[i].pid == pid)
			return true;
	return false;
}

/* An id that no segment had, but calls that failed were made with, has a finding of theirs. */
static bool knows_segment(const struct model *model, int32_t shmid)
{
	for (uint32_t i = 0; i < model->segment_count; i++)
		if (model->segments[i]->shmid == shmid)
			return true;
	for (uint32_t i = 0; i < model->finding_count; i++)
		if (model->findings[i].shmid == shmid)
			return true;
	return false;
}

bool load_has(const struct load *load, const struct model *model, const struct filter *filter)
{
	bool process = !filter->pid || knows_process(model, filter->pid);
	bool segment = !filter->by_shmid || knows_segment(model, filter->shmid);

	if (!process)
		error_format(source_path(load->source),
			     "process %d is not in it; 'memshim report' lists them", filter->pid);
	else if (!segment)
		error_format(source_path(load->source),
			     "segment %d is not in it; 'memshim report' lists them", filter->shmid);
	return process && segment;
}

void load_suppress(struct load *load, const struct suppression *rules)
{
	if (!rules)
		return;
	load_names(load, &(struct symbols_wish){.sysroot = NULL});
	model_suppress(load->model, rules);
}

void load_close(struct load *load)
{
	cursor_close(load->cursor);
	model_free(load->model);
	source_close(load->source);
	symbols_close(load->symbols);
	*load = (struct load){0};
}
