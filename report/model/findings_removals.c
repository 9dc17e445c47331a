/* SPDX-License-Identifier: MIT */
/*
 * Findings about segments that another process than the creator removed: a program of the session,
 * or a process outside it. A key has one segment at a time. So a second segment with the same key
 * proves that the first was removed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "report/model/explain.h"
#include "report/model/findings.h"
#include "report/model/findings_removals.h"
#include "report/model/findings_segments.h"
#include "report/model/model.h"
#include "report/util/format.h"

#define SHM_DEST_BIT 01000u /* the kernel's mark for removal, in the mode */

/* ---- keys ---- */

static bool has_key(const struct model_segment *s)
{
	return s->key_known && s->key != 0;
}

static int by_key(const void *a, const void *b)
{
	const struct model_segment *x = *(struct model_segment *const *)a;
	const struct model_segment *y = *(struct model_segment *const *)b;

	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

void removals_link_keys(struct model *model)
{
	struct model_segment **keyed = calloc(model->segments.count + 1, sizeof *keyed);
	uint32_t count = 0;

	model->no_memory |= !keyed;
	for (uint32_t i = 0; keyed && i < model->segments.count; i++) {
		model->segments.rows[i]->predecessor = model->segments.rows[i]->successor = NULL;
		if (has_key(model->segments.rows[i]))
			keyed[count++] = model->segments.rows[i];
	}
	if (count > 1)
		qsort(keyed, count, sizeof *keyed, by_key);
	for (uint32_t i = 1; i < count; i++) {
		if (keyed[i]->space != keyed[i - 1]->space || keyed[i]->key != keyed[i - 1]->key)
			continue;
		keyed[i]->predecessor = keyed[i - 1];
		keyed[i - 1]->successor = keyed[i];
	}
	free(keyed);
}

/* "; segment 7 was then created under the same key by perl (55)", or "". */
static const char *successor_words(const struct model *model, const struct model_segment *s,
				   char to[160])
{
	const struct model_segment *next = s->successor;
	const struct model_process *creator = next ? model_process(model, next->creator) : NULL;

	to[0] = '\0';
	if (next && creator && next->created == CREATED_SURELY)
		snprintf(to, 160, "; segment %d was then created under the same key by %.60s (%d)",
			 next->shmid, model_program_name(&creator->facts), creator->facts.pid);
	else if (next)
		snprintf(to, 160, "; segment %d had the same key afterwards", next->shmid);
	return to;
}

/* ---- what is known ---- */

/* The attachments of the session's processes at that time; `process`: only of this one. */
static uint64_t held_at(const struct model *model, const struct model_segment *segment,
			uint64_t time_ns, const struct model_process *process)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < model->history.past_count; i++)
		count += model->history.past[i].attachment.segment == segment &&
			 (!process || model->history.past[i].process == process) &&
			 model->history.past[i].attachment.since_ns < time_ns &&
			 model->history.past[i].until_ns > time_ns;
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *p = model->processes.by_instance[i];

		for (uint32_t k = 0; p && (!process || process == p) && k < p->attached_count; k++)
			count += p->attached[k].segment == segment &&
				 p->attached[k].since_ns < time_ns;
	}
	return count;
}

/* Whether a shmctl has begun whose event is not in the log yet. */
static bool is_removing(const struct model *model)
{
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct process_facts *facts = model->processes.by_instance[i]
							    ? &model->processes.by_instance[i]
								       ->facts
							    : NULL;

		if (facts &&
		    facts->begun[KIND_SHMCTL] > facts->ok[KIND_SHMCTL] + facts->failed[KIND_SHMCTL])
			return true;
	}
	return false;
}

/*
 * Whether the log has every call of the session: only then, a call that is not in it did not
 * happen.
 */
static bool is_complete(const struct model *model)
{
	return model_lost(model) == 0 && model->losses.missed == 0 &&
	       model->processes.unfollowed_count == 0 && model->losses.level == COVERED_FULL &&
	       model->losses.in_flight == 0 && !model->session.segment_missing &&
	       model->session.state != SESSION_ABANDONED;
}

/*
 * How many attachments of other processes than the remover existed after IPC_RMID. `known`: the
 * recorder took a snapshot, or the session had it attached.
 */
static uint64_t held_after_removal(const struct model *model, const struct model_segment *s,
				   const struct model_process *remover, bool *known)
{
	uint64_t own = held_at(model, s, s->removed_ns, remover);
	uint64_t ours = held_at(model, s, s->removed_ns, NULL) - own, seen = 0;

	*known = s->removal || s->in_kernel || ours;
	if (s->removal && s->removal->shmid == s->shmid && s->removal->mode & SHM_DEST_BIT)
		seen = s->removal->nattch;
	else if (!s->removal && s->in_kernel)
		seen = s->kernel.nattch;
	seen = seen > own ? seen - own : 0;
	return seen > ours ? seen : ours;
}

static int32_t creator_of(const struct model_segment *s, const char **name)
{
	const struct snapshot_facts *snapshot = s->removal && s->removal->shmid == s->shmid
							? s->removal
							: s->met;

	*name = snapshot ? snapshot->creator_name : "";
	if (snapshot)
		return snapshot->creator_pid;
	return s->in_kernel ? s->kernel.creator_pid : 0;
}

static bool is_of_session(const struct model *model, int32_t pid)
{
	for (uint32_t i = 1; pid && i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i] &&
		    !model->processes.by_instance[i]->facts.placeholder &&
		    model_recorders_pid(&model->processes.by_instance[i]->facts) == pid)
			return true;
	return false;
}

/* ---- remarks ---- */

static void removal_check_unregistered(struct model *model, const struct model_segment *s,
				       const struct model_process *remover)
{
	char creator[96] = "", next[160], size[FORMAT_BYTES], held[96] = "";
	const char *name;
	int32_t pid = creator_of(s, &name);
	bool known;
	uint64_t count = held_after_removal(model, s, remover, &known);
	struct finding *finding;

	if (is_of_session(model, pid))
		return;
	if (pid)
		snprintf(creator, sizeof creator, " (created by %s%s%d%s)", *name ? name : "pid ",
			 *name ? " (" : "", pid, *name ? ")" : "");
	if (count)
		snprintf(held, sizeof held, "; %llu attachment%s %s still in use then",
			 (unsigned long long)count, format_s(count), count == 1 ? "was" : "were");
	else if (known)
		snprintf(held, sizeof held, "; no other process had it attached");
	finding = findings_add(model, FINDING_REMOVED_STRANGERS_OBJECT,
			       count ? SEVERITY_WARNING : SEVERITY_NOTE,
			       "check the id before IPC_RMID: remove only segments that the "
			       "program itself created",
			       "%s (%d) removed segment %d%s%s, which this session %s%s%s%s",
			       model_program_name(&remover->facts), remover->facts.pid, s->shmid,
			       s->size ? ", " : "", s->size ? format_bytes(size, s->size) : "",
			       is_complete(model) ? "did not create" : "was not seen to create",
			       creator, held, successor_words(model, s, next));
	findings_about(finding, remover);
	finding->shmid = s->shmid;
	finding->stack_instance = s->remover;
	finding->stack = s->remover_stack;
}

static void removal_check_other(struct model *model, const struct model_segment *s,
				const struct model_process *remover)
{
	const struct model_process *creator = model_process(model, s->creator);
	struct finding *finding;
	char next[160];

	if (!creator || creator->program == remover->program || creator->facts.placeholder)
		return;
	finding = findings_add(model, FINDING_REMOVED_BY_OTHER, SEVERITY_NOTE,
			       "this is no fault if both programs agree on it",
			       "segment %d, created by %s, was removed by %s (%d)%s", s->shmid,
			       findings_creator_name(model, s), model_program_name(&remover->facts),
			       remover->facts.pid, successor_words(model, s, next));
	findings_about_segment(model, finding, s);
	finding->program[1] = model_program(&remover->facts);
}

/*
 * The segment was removed while it was attached, by a call that is not in the log: the kernel
 * marked it, or another segment got its key while it was attached.
 */
static void removal_check_unseen(struct model *model, const struct model_segment *s)
{
	bool marked = s->in_kernel && s->kernel.mode & SHM_DEST_BIT;
	uint64_t held = marked         ? s->kernel.nattch
			: s->successor ? held_at(model, s, s->successor->seen_ns, NULL)
				       : 0;
	char next[160];

	if (!held || s->elsewhere || !is_complete(model) || is_removing(model))
		return;
	findings_about_segment(
		model,
		findings_add(model, FINDING_REMOVED_BY_OTHER, SEVERITY_WARNING,
			     "see its history with 'memshim report -m'; ipcrm(1) or another "
			     "program may have removed it",
			     "segment %d, created by %s, was removed by a process outside the "
			     "session while %llu attachment%s %s in use%s",
			     s->shmid,
			     s->created == CREATED_NOT ? "a process outside the session"
						       : findings_creator_name(model, s),
			     (unsigned long long)held, format_s(held), held == 1 ? "was" : "were",
			     successor_words(model, s, next)),
		s);
}

void findings_check_removal(struct model *model, const struct model_segment *s)
{
	const struct model_process *remover = model_process(model, s->remover);

	if (!s->removed)
		removal_check_unseen(model, s);
	else if (remover && !remover->facts.placeholder && s->created == CREATED_NOT)
		removal_check_unregistered(model, s, remover);
	else if (remover && !remover->facts.placeholder)
		removal_check_other(model, s, remover);
}
