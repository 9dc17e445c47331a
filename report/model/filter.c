/* SPDX-License-Identifier: MIT */
#include "report/model/filter.h"

#include <string.h>

bool filter_is_set(const struct filter *filter)
{
	return filter->pid || filter->exe || filter->by_shmid || filter->by_key || filter->kinds ||
	       filter->failed;
}

bool filter_process(const struct filter *filter, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;

	if (filter->pid && filter->pid != facts->pid)
		return false;
	return !filter->exe || strcmp(filter->exe, facts->exe) == 0 ||
	       strcmp(filter->exe, model_program_name(facts)) == 0 ||
	       strcmp(filter->exe, facts->comm) == 0;
}

bool filter_segment(const struct filter *filter, const struct model_segment *segment)
{
	if (filter->by_shmid && filter->shmid != segment->shmid)
		return false;
	return !filter->by_key || (segment->key_known && segment->key == filter->key);
}

static bool about_segment(const struct filter *filter, const struct event *event,
			  const struct model_segment *segment)
{
	int32_t shmid;

	if (filter->by_shmid && (!event_shmid(event, &shmid) || shmid != filter->shmid))
		return false;
	if (!filter->by_key)
		return true;
	if (event->kind == KIND_SHMGET)
		return (uint32_t)event->u.shmget.key == filter->key;
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
