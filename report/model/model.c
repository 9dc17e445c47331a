/* SPDX-License-Identifier: MIT */
#include "report/model/model.h"
#include "report/model/objects.h"

#include <stdlib.h>
#include <string.h>

#include "report/model/creator.h"
#include "report/model/stacks.h"
#include "report/model/verdicts.h"
#include "report/util/path.h"

/* A damaged file may contain any number: more than this is not believed. */
#define INSTANCES_MAX (1u << 22)
#define PLACEHOLDERS_MAX (1u << 16)
#define UNFOLLOWED_MAX (1u << 16)

struct model *model_make(const struct session_facts *session)
{
	struct model *model = calloc(1, sizeof *model);

	if (!model)
		return NULL;
	model->session = *session;
	model->wrappers = calloc(1, sizeof *model->wrappers);
	if (model->wrappers)
		return model;
	free(model);
	return NULL;
}

static void free_kernel_rows(struct model *model)
{
	struct model_kernel_row *row, *next;

	HASH_ITER (hh, model->kernel.rows, row, next) {
		HASH_DEL(model->kernel.rows, row);
		free(row);
	}
}

/* What copies share with their original. */
static void free_shared(struct model *model)
{
	struct model_program *program, *next_program;
	struct model_find *find, *next_find;

	HASH_ITER (hh, model->processes.programs, program, next_program) {
		HASH_DEL(model->processes.programs, program);
		free(program);
	}
	failures_free(model);
	HASH_ITER (hh, model->kernel.finds, find, next_find) {
		HASH_DEL(model->kernel.finds, find);
		free(find);
	}
	stacks_free(model);
	wrappers_free(model->wrappers);
	free(model->kernel.snapshots);
}

static void free_processes(struct model *model)
{
	for (uint32_t i = 0; i < model->processes.instance_capacity; i++) {
		if (model->processes.by_instance[i])
			free(model->processes.by_instance[i]->attached);
		if (model->processes.by_instance[i] && !model->original) {
			heap_free(model->processes.by_instance[i]->heap);
			mappings_free(model->processes.by_instance[i]->mappings);
		}
		free(model->processes.by_instance[i]);
	}
	free(model->processes.by_instance);
}

void model_free(struct model *model)
{
	if (!model)
		return;
	free_kernel_rows(model);
	if (!model->original)
		verdict_free_rows(model);
	if (!model->original)
		free_shared(model);
	HASH_CLEAR(hh, model->segments.by_shmid);
	free_processes(model);
	for (uint32_t i = 0; i < model->segments.count; i++)
		free(model->segments.rows[i]);
	for (uint32_t i = 0; i < model->findings.count; i++)
		finding_free(&model->findings.rows[i]);
	free(model->segments.rows);
	free(model->sites.rows);
	free(model->sites.latest_of_stack);
	free(model->history.past);
	free(model->history.recent);
	free(model->kernel.holders);
	free(model->processes.unfollowed);
	free(model->findings.rows);
	free(model->history.changes);
	operations_free(&model->operations);
	objects_free(model);
	free(model);
}

/* ---- processes ---- */

static struct model_program *program_of(struct model *model, const char *exe)
{
	struct model_program *program;
	size_t length = strlen(exe);

	HASH_FIND(hh, model->processes.programs, exe, length, program);
	if (program)
		return program;
	program = calloc(1, sizeof *program + length + 1);
	if (!program) {
		model->no_memory = true;
		return NULL;
	}
	memcpy(program->exe, exe, length);
	HASH_ADD_KEYPTR(hh, model->processes.programs, program->exe, length, program);
	if (program->hh.tbl)
		return program;
	model->no_memory = true;
	free(program);
	return NULL;
}

static struct model_process *model_make_process(struct model *model, uint32_t instance)
{
	struct model_process *process;

	if (instance == 0 || instance >= INSTANCES_MAX ||
	    !MODEL_RESERVE_ZEROED(model, model->processes.by_instance,
				  model->processes.instance_capacity, instance + 1))
		return NULL;
	process = calloc(1, sizeof *process);
	if (!process) {
		model->no_memory = true;
		return NULL;
	}
	model->processes.by_instance[instance] = process;
	model->processes.count++;
	return process;
}

static void name_program(struct model *model, struct model_process *process)
{
	struct model_program *program = program_of(model, process->facts.exe);

	if (program && program != process->program)
		program->process_count++;
	process->program = program;
}

/* Replaces what the process wrote about itself by what the recorder verified. */
static void use_identity(struct model_process *process)
{
	const struct identity_facts *identity = &process->identity;

	if (!identity->instance)
		return;
	if (identity->real_uid != UINT32_MAX)
		process->facts.uid = identity->real_uid;
	else if (identity->effective_uid != UINT32_MAX)
		process->facts.uid = identity->effective_uid;
}

static void model_label_process(struct model_process *process)
{
	const struct process_facts *facts = &process->facts;

	if (process->title[0])
		creator_role(process->title, process->label);
	else if (!creator_script(model_program_name(facts), facts->cmdline, process->label))
		process->label[0] = '\0';
}

void model_add_process(struct model *model, const struct process_facts *facts)
{
	struct model_process *process = model_process(model, facts->instance);

	if (!process)
		process = model_make_process(model, facts->instance);
	if (!process) {
		model_add_loss(model, LOST_DAMAGED, 1);
		return;
	}
	if (process->facts.placeholder)
		model->processes.placeholder_count--;
	process->facts = *facts;
	use_identity(process);
	if (process->last_after == 0)
		process->last_before = process->last_after = facts->break_at_start;
	model_label_process(process);
	name_program(model, process);
}

void model_add_identity(struct model *model, const struct identity_facts *facts)
{
	struct model_process *process = model_process(model, facts->instance);

	if (!process)
		return;
	process->identity = *facts;
	use_identity(process);
}

void model_add_title(struct model *model, const struct title_facts *facts)
{
	struct model_process *process = model_process(model, facts->instance);

	if (!process)
		return;
	memcpy(process->title, facts->text, sizeof process->title);
	model_label_process(process);
}

void model_add_creator(struct model *model, const struct process_facts *facts)
{
	struct model_process *process = model_process(model, facts->instance);

	if (process && !process->facts.placeholder)
		return;
	if (!process) {
		if (model->processes.placeholder_count >= PLACEHOLDERS_MAX ||
		    !(process = model_make_process(model, facts->instance)))
			return;
		model->processes.placeholder_count++;
	}
	process->facts = *facts;
	name_program(model, process);
}

/* The event of its first thread has its pid. */
struct model_process *model_make_placeholder(struct model *model, const struct event *event)
{
	struct model_process *process = NULL;

	if (model->processes.placeholder_count < PLACEHOLDERS_MAX)
		process = model_make_process(model, event->process);
	if (!process) {
		model_add_loss(model, LOST_DAMAGED, 1);
		return NULL;
	}
	model->processes.placeholder_count++;
	process->facts.instance = event->process;
	process->facts.placeholder = true;
	process->facts.pid = event->tid;
	process->facts.state = STATE_GONE;
	process->facts.exit_status = -1;
	process->facts.start_ns = event->time_ns;
	name_program(model, process);
	return process;
}

int32_t model_recorders_pid(const struct process_facts *facts)
{
	if (facts->host_pid)
		return facts->host_pid;
	return facts->pid_namespace ? 0 : facts->pid;
}

int32_t model_pid_here(const struct model *model, const struct process_facts *facts)
{
	return model->session.same_pids ? model_recorders_pid(facts) : 0;
}

static void unfollowed_remove(struct model *model, int32_t pid)
{
	for (uint32_t i = model->processes.unfollowed_count; i > 0; i--) {
		struct unfollowed_facts *w = &model->processes.unfollowed[i - 1];

		if (w->pid != pid)
			continue;
		model->processes.unfollowed_count--;
		memmove(w, w + 1, (model->processes.unfollowed_count - (i - 1)) * sizeof *w);
		return;
	}
}

void model_add_unfollowed(struct model *model, const struct unfollowed_facts *facts)
{
	if (facts->taken_back)
		unfollowed_remove(model, facts->pid);
	else if (model->processes.unfollowed_count < UNFOLLOWED_MAX &&
		 MODEL_RESERVE(model, model->processes.unfollowed,
			       model->processes.unfollowed_capacity,
			       model->processes.unfollowed_count + 1))
		model->processes.unfollowed[model->processes.unfollowed_count++] = *facts;
}

void model_add_loss(struct model *model, enum loss loss, uint64_t count)
{
	uint64_t sum = model->losses.lost[loss] + count;

	model->losses.lost[loss] = sum < count ? UINT64_MAX : sum;
}

void model_add_kernel_process(struct model *model, const struct kernel_process *facts)
{
	struct model_process *process = model_process(model, facts->instance);

	if (!process)
		return;
	process->break_differs |= facts->break_differs;
	process->headroom_known = facts->headroom_known;
	process->headroom_bytes = facts->headroom_bytes;
}

void model_drop_kernel_rows(struct model *model)
{
	free_kernel_rows(model);
	model->kernel.known = false;
}

/* ---- questions ---- */

uint64_t model_moves(const struct process_facts *facts)
{
	const struct move_facts *m = facts->moves;

	return m[0].grows + m[0].shrinks + m[1].grows + m[1].shrinks + model_stills(facts);
}

uint64_t model_stills(const struct process_facts *facts)
{
	return facts->moves[BY_DIRECT].stills + facts->moves[BY_MALLOC].stills;
}

uint64_t model_grown(const struct process_facts *facts)
{
	return facts->moves[BY_DIRECT].grown_bytes + facts->moves[BY_MALLOC].grown_bytes;
}

uint64_t model_shrunk(const struct process_facts *facts)
{
	return facts->moves[BY_DIRECT].shrunk_bytes + facts->moves[BY_MALLOC].shrunk_bytes;
}

uint64_t model_heap_peak(const struct process_facts *facts)
{
	return facts->break_peak > facts->break_initial ? facts->break_peak - facts->break_initial
							: 0;
}

bool model_break_share(const struct model_process *process, unsigned *percent)
{
	uint64_t sampled = process->identity.usage.anonymous_peak_bytes;
	uint64_t explained = process->identity.usage.break_bytes_then;

	if (!sampled || sampled < model_heap_peak(&process->facts) / 16 * 15)
		return false;
	*percent = explained >= sampled ? 100
					: (unsigned)((double)explained * 100 / (double)sampled);
	return true;
}

uint64_t model_failed(const struct process_facts *facts)
{
	uint64_t sum = 0;

	for (int call = 0; call < KIND_CALLS; call++)
		sum += facts->failed[call];
	return sum;
}

uint64_t model_lost(const struct model *model)
{
	uint64_t sum = 0;

	for (int loss = 0; loss < LOST_COUNT; loss++)
		if (loss != LOST_BAD_SETTING && loss != LOST_NOT_REDIRECTED &&
		    loss != LOST_NO_UNWINDER &&
		    __builtin_add_overflow(sum, model->losses.lost[loss], &sum))
			return UINT64_MAX;
	return sum;
}

uint64_t model_events_missing(const struct model *model)
{
	static const enum loss missing[] = {LOST_OVERWRITTEN, LOST_TORN, LOST_NO_SPACE};
	uint64_t sum = 0;

	for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
		if (__builtin_add_overflow(sum, model->losses.lost[missing[i]], &sum))
			return UINT64_MAX;
	return sum;
}

const char *model_program(const struct process_facts *facts)
{
	return facts->exe[0] ? facts->exe : facts->comm;
}

const char *model_process_label(const struct model_process *process)
{
	return process->label[0] ? process->label : model_program_name(&process->facts);
}

const char *model_program_name(const struct process_facts *facts)
{
	if (!facts->exe[0])
		return facts->comm[0] ? facts->comm : "?";
	return path_base_name(facts->exe);
}
