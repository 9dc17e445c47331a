/* SPDX-License-Identifier: MIT */
#include "report/model/filter.h"

#include <string.h>

#include "report/util/path.h"

bool filter_is_set(const struct filter *filter)
{
	return filter->pid || filter->exe || filter->by_id || filter->by_key || filter->kinds ||
	       filter->failed;
}

bool filter_process(const struct filter *filter, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;

	if (filter->pid && !model_has_pid(facts, filter->pid))
		return false;
	return !filter->exe || strcmp(filter->exe, facts->exe) == 0 ||
	       strcmp(filter->exe, model_program_name(facts)) == 0 ||
	       strcmp(filter->exe, facts->comm) == 0;
}

bool filter_segment(const struct filter *filter, const struct model_segment *segment)
{
	if (filter->by_id && (filter->kind != segment->kind || filter->id != segment->shmid))
		return false;
	return !filter->by_key || (segment->key_known && segment->key == filter->key);
}

static bool is_program(const char *wanted, const char *path)
{
	return strcmp(wanted, path) == 0 || strcmp(wanted, path_base_name(path)) == 0;
}

static bool filter_is_of_program(const char *wanted, const struct finding *finding)
{
	for (int i = 0; i < 2; i++)
		if (finding->program[i] && is_program(wanted, finding->program[i]))
			return true;
	return false;
}

/* Whether a segment that passes the filter has the finding's id. */
static bool is_of_segment(const struct filter *filter, const struct model *model,
			  const struct finding *finding)
{
	const struct model_segments *of = finding->object_kind == SHARED_MEMORY ? &model->segments
										: &model->objects;

	for (uint32_t i = 0; i < of->count; i++)
		if (of->rows[i]->kind == finding->object_kind &&
		    of->rows[i]->shmid == finding->shmid && filter_segment(filter, of->rows[i]))
			return true;
	return false;
}

bool filter_finding(const struct filter *filter, const struct model *model,
		    const struct finding *finding)
{
	if (filter->pid && filter->pid != finding->pid)
		return false;
	if (filter->exe && !filter_is_of_program(filter->exe, finding))
		return false;
	return !(filter->by_id || filter->by_key) || is_of_segment(filter, model, finding);
}

void filter_findings(const struct filter *filter, struct model *model)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < model->findings.count; i++) {
		struct finding *finding = &model->findings.rows[i];

		if (filter_finding(filter, model, finding))
			model->findings.rows[kept++] = *finding;
		else
			finding_free(finding);
	}
	model->findings.count = kept;
}

static bool about_segment(const struct filter *filter, const struct event *event,
			  const struct model_segment *segment)
{
	int32_t id;

	if (filter->by_id &&
	    (!event_is_of_object(event) || event_object_kind(event) != filter->kind ||
	     !event_object_id(event, &id) || id != filter->id))
		return false;
	if (!filter->by_key)
		return true;
	if (event->kind == KIND_SHMGET)
		return (uint32_t)event->u.shmget.key == filter->key;
	if (event->kind == KIND_SEMGET || event->kind == KIND_MSGGET)
		return (uint32_t)event->u.get.key == filter->key;
	return segment && segment->key_known && segment->key == filter->key;
}

bool filter_event(const struct filter *filter, const struct event *event,
		  const struct model_process *process, const struct model_segment *segment)
{
	if (filter->kinds && !(filter->kinds >> event->kind & 1))
		return false;
	if (filter->failed && !(event_is_call(event) && event_failed(event)))
		return false;
	if ((filter->pid || filter->exe) && !(process && filter_process(filter, process)))
		return false;
	return about_segment(filter, event, segment);
}
