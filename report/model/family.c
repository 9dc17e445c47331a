/* SPDX-License-Identifier: MIT */
/*
 * Which processes may still attach an object that no process has attached now: its creator, the
 * creator's relatives, and other processes that attached it. A relative got the creator's memory by
 * fork, and with it the ids in that memory. A process counts as ended only when the kernel, the
 * recorder or the process itself reports the end. A process that is not known may still run.
 */
#include <stdlib.h>

#include "report/model/family.h"
#include "report/model/model.h"

#define SLACK_NS 60000000000ull /* a process may start before the session and join it */
#define NS_PER_SECOND 1000000000ull

/* Two pids in the recorder's namespace; 0: the recorder does not know it. */
static bool may_be_one(int32_t a, int32_t b)
{
	return a == b || a == 0 || b == 0;
}

/* Whether two images are of one process: execve(2) does not end a process. */
static bool is_same_process(const struct model_process *image, const struct model_process *other)
{
	return image->facts.pid == other->facts.pid &&
	       image->facts.pid_namespace == other->facts.pid_namespace &&
	       may_be_one(image->facts.host_pid, other->facts.host_pid) &&
	       image->facts.start_time == other->facts.start_time;
}

/* ---- whether one still runs ---- */

/*
 * For a process that the recorder identified, only the recorder and the kernel count. The process's
 * slot does not: every process of the session can write to it.
 */
static enum still process_still(const struct model *model, const struct model_process *process)
{
	const struct identity_facts *identity = model_identity(model, process->facts.instance);

	if (!identity)
		return process->facts.process_still;
	if (identity->process_still != STILL_UNKNOWN)
		return identity->process_still;
	return identity->ended && !identity->replaced ? STILL_ENDED : STILL_UNKNOWN;
}

/* Whether an image ran when the session ended, or runs now. */
static enum still image_still(const struct families *families, const struct model_process *image)
{
	const struct identity_facts *identity = model_identity(families->model,
							       image->facts.instance);

	if (families->at_end)
		return image->facts.ran_at_end ? STILL_RUNS : STILL_ENDED;
	if (!identity)
		return image->facts.image_still;
	return identity->ended ? STILL_ENDED : process_still(families->model, image);
}

/* ---- processes that the session does not know ---- */

/* The image of a process that maps the session's segment; null when none is known. */
static const struct model_process *find_member(const struct families *families,
					       const struct kernel_holder *row)
{
	for (uint32_t i = 0; i < families->count; i++) {
		const struct process_facts *facts = &families->images[i]->facts;

		if (model_pid_here(families->model, facts) == row->pid &&
		    (facts->start_time == row->start_time || facts->start_time == 0))
			return families->images[i];
	}
	return NULL;
}

/* A process with unreadable maps may be a member only if it started after the session began. */
static bool may_be_member(const struct model *model, const struct kernel_holder *row)
{
	uint64_t tick_ns = NS_PER_SECOND / 100;

	return row->same_user &&
	       row->start_time * tick_ns + SLACK_NS >= model->session.started_monotonic_ns;
}

static void families_scan_members(struct families *families)
{
	const struct model *model = families->model;

	if (families->at_end) {
		families->unregistered_pid = model->session.unregistered_pid;
		families->unreadable_pid = model->session.unreadable_pid;
		return;
	}
	for (uint32_t i = 0; i < model->kernel.holder_count; i++) {
		const struct kernel_holder *row = &model->kernel.holders[i];

		if (row->pid == model->session.recorder_pid &&
		    model->session.state == SESSION_LIVE && model->session.same_pids)
			continue;
		if (row->shmid == HOLDER_READ && row->member && !find_member(families, row))
			families->unregistered_pid = row->pid;
		if (row->shmid == HOLDER_UNREADABLE && may_be_member(model, row))
			families->unreadable_pid = row->pid;
	}
}

/*
 * Whether processes may run that got no slot, or that lost it while they ran. Then only a scan of
 * all processes shows whether one of them runs.
 */
static bool may_miss_processes(const struct model *model)
{
	return model->losses.lost[LOST_NO_SLOT] || model->losses.lost[LOST_NESTED] ||
	       model->session.unsure_slots || !model->session.follows_all ||
	       (model->session.recorded && model->processes.placeholder_count);
}

/* ---- what runs ---- */

/*
 * Whether the process ran when the recorder left: later, it may have forked children that no file
 * lists.
 */
static bool outlived_recorder(const struct model *model, const struct process_facts *facts)
{
	return model->session.recorded && model->session.finished && !facts->ended &&
	       (facts->state == STATE_RUNNING || facts->state == STATE_GONE);
}

/*
 * Instances have large gaps, and every segment needs all images: so this makes an array of the
 * images.
 */
void families_begin(struct families *families, struct model *model, bool at_end)
{
	size_t capacity = model->processes.count + 1;

	*families = (struct families){.model = model, .at_end = at_end};
	families->known = calloc(3 * capacity, sizeof *families->known);
	model->no_memory |= !families->known;
	families->images = families->known ? families->known + capacity : NULL;
	families->outlived = families->known ? families->images + capacity : NULL;
	for (uint32_t i = 1; families->known && i < model->processes.instance_capacity; i++) {
		const struct model_process *image = model->processes.by_instance[i];

		if (!image || families->known_count == model->processes.count)
			continue;
		families->known[families->known_count++] = image;
		if (outlived_recorder(model, &image->facts))
			families->outlived[families->outlived_count++] = image;
		if (!image->facts.placeholder && image_still(families, image) != STILL_ENDED)
			families->images[families->count++] = image;
	}
	families->may_miss = may_miss_processes(model);
	families_scan_members(families);
}

void families_end(struct families *families)
{
	free(families->known);
}

static bool family_outlived_recorder(const struct families *families, uint32_t family)
{
	for (uint32_t i = 0; i < families->outlived_count; i++)
		if (families->outlived[i]->facts.family == family)
			return true;
	return false;
}

/* The last known image of a process that called execve(2). */
static const struct model_process *family_last_image(const struct families *families,
						     const struct model_process *process)
{
	const struct model_process *last = process;

	for (uint32_t i = 0; process->facts.state == STATE_EXEC && i < families->known_count; i++)
		if (families->known[i]->facts.instance > last->facts.instance &&
		    is_same_process(families->known[i], process))
			last = families->known[i];
	return last;
}

/*
 * Whether the creator's process ran when the session ended, or runs now; execve(2) does not end it.
 */
static enum still creator_still(const struct families *families,
				const struct model_process *creator)
{
	enum still still = process_still(families->model, creator);
	const struct model_process *last;

	if (still != STILL_UNKNOWN && !families->at_end)
		return still;
	last = family_last_image(families, creator);
	if (!families->at_end)
		return process_still(families->model, last);
	if (last->facts.placeholder || last->facts.state == STATE_EXEC)
		return STILL_UNKNOWN;
	return last->facts.ran_at_end ? STILL_RUNS : STILL_ENDED;
}

static void kin_note(const struct families *families, struct model_kin *kin,
		     const struct model_process *process)
{
	enum still still = image_still(families, process);

	if (kin->still == STILL_RUNS)
		return;
	kin->still = still;
	if (!kin->instance || still == STILL_RUNS)
		kin->instance = process->facts.instance;
}

/* A process whose family is not known may belong to any family. */
static bool is_relative(const struct model_process *image, uint32_t family)
{
	return image->facts.family == family || image->facts.family == 0;
}

static bool is_user(const struct model *model, const struct model_segment *segment,
		    const struct model_process *image)
{
	if (segment->user_families >> image->facts.family % 64 & 1)
		return true;
	for (uint32_t i = 0; i < SEGMENT_USERS; i++) {
		const struct model_process *user = model_process(model, segment->users[i]);

		if (user && is_same_process(image, user))
			return true;
	}
	return false;
}

/* Processes that the session does not know: any of them may be a relative. */
static void doubt_members(const struct families *families, struct model_family *family,
			  uint32_t root)
{
	const struct model *model = families->model;
	bool may_miss = families->may_miss ||
			(!families->at_end && family_outlived_recorder(families, root));
	bool scanned = families->at_end ? model->session.members_scanned
					: model->kernel.holders_known;

	if (families->unregistered_pid) {
		family->doubt = DOUBT_UNREGISTERED;
		family->doubt_pid = families->unregistered_pid;
	} else if (may_miss && (families->unreadable_pid || !scanned)) {
		family->doubt = DOUBT_UNREADABLE;
		family->doubt_pid = families->unreadable_pid;
	}
}

static uint32_t root_of(const struct model_segment *segment, const struct model_process *creator)
{
	if (creator && !creator->facts.placeholder && creator->facts.family)
		return creator->facts.family;
	return segment->creator_family;
}

void families_judge(const struct families *families, struct model_segment *segment)
{
	const struct model *model = families->model;
	const struct model_process *creator = model_process(model, segment->creator);
	struct model_family *family = &segment->family;
	uint32_t root = root_of(segment, creator);

	*family = (struct model_family){
		.creator.still = creator ? creator_still(families, creator) : STILL_UNKNOWN,
		.relatives.still = STILL_ENDED, /* without a root: see below */
		.users.still = segment->users_unknown && families->count ? STILL_UNKNOWN
									 : STILL_ENDED,
	};
	if (creator && (!creator->facts.placeholder || creator->facts.kept_with_object))
		family->creator.instance = segment->creator;
	for (uint32_t i = 0; i < families->count; i++) {
		const struct model_process *image = families->images[i];

		if (creator && is_same_process(image, creator))
			kin_note(families, &family->creator, image);
		else if (is_relative(image, root))
			kin_note(families, &family->relatives, image);
		if (is_user(model, segment, image))
			kin_note(families, &family->users, image);
	}
	if (!root)
		family->doubt = DOUBT_FAMILY;
	else
		doubt_members(families, family, root);
	if (!families->known)
		family->doubt = DOUBT_FAMILY;
}

bool family_has_ended(const struct model_family *family)
{
	return family->creator.still == STILL_ENDED && family->relatives.still == STILL_ENDED &&
	       family->users.still == STILL_ENDED && family->doubt == DOUBT_NONE;
}
