/* SPDX-License-Identifier: MIT */
#include "report/recorder/usage.h"

#include <sys/resource.h>

#include "report/procfs/heap_chunks.h"
#include "report/procfs/proc.h"
#include "report/procfs/status.h"
#include "report/procfs/timens.h"
#include "report/recorder/drain.h"
#include "report/recorder/drain_struct.h"
#include "report/recorder/identity.h"
#include "report/recorder/slots.h"
#include "report/recorder/title.h"
#include "report/recorder/watch_struct.h"
#include "report/util/now.h"

#define PAUSE_MIN_NS 50000000ull
#define PAUSE_MAX_NS 500000000ull
#define WALK_PAUSE_NS 400000000ull
#define WALK_PAUSE_MAX_NS 4000000000ull
#define WALK_MOST_NS 100000000ull   /* a heap that takes longer is not known */
#define WALK_SHARE 20u              /* walks over one heap take at most 1/20 of the time */
#define SHARE 50u                   /* samples take at most 1/50 of the time */
#define WALK_LEAST_BYTES (16 << 20) /* a smaller heap holds too little to be worth a walk */

void usage_begin(struct drain_usage *usage, uint64_t faults, uint64_t cpu_ns)
{
	*usage = (struct drain_usage){.first_faults = faults, .first_cpu_ns = cpu_ns};
}

static uint64_t usage_since(uint64_t first, uint64_t now)
{
	return now > first ? now - first : 0;
}

static void usage_set_counters(struct drain_usage *usage, uint64_t faults, uint64_t cpu_ns)
{
	usage->faults = usage_since(usage->first_faults, faults);
	usage->cpu_ns = usage_since(usage->first_cpu_ns, cpu_ns);
}

/* False when another process has the pid. */
static bool usage_read_counters(struct watched *w, struct proc_facts *facts)
{
	return w->identity.proof && w->pid > 0 && proc_facts(w->pid, facts) &&
	       (w->identity.start_time == 0 || facts->start_time == w->identity.start_time);
}

/* ---- the heap ---- */

/*
 * Memory that is free now may be in use again soon: what two walks in turn found free is kept.
 */
static void usage_note_walk(struct drain_usage *usage, bool known, const struct heap_chunks *heap)
{
	uint64_t before = usage->last_free_bytes;

	usage->last_free_bytes = known ? heap->free_resident_bytes : 0;
	usage->heap_known = known && usage->walked;
	usage->walked = known;
	if (!usage->heap_known)
		return;
	usage->heap_bytes = heap->heap_bytes;
	usage->heap_free_bytes = before < heap->free_resident_bytes ? before
								    : heap->free_resident_bytes;
}

/* Whether a walk is due: not while the heap moves, which would make it fail. */
static bool usage_walk_is_due(struct watched *w, const struct segment_process *slot)
{
	uint64_t end = slot->break_current;
	bool quiet = end == w->walk_break && slot->instance == w->instance && !w->image.forked;

	w->walk_break = end;
	return quiet && end > slot->break_initial && now_ns() >= w->next_walk_ns &&
	       end - slot->break_initial >= WALK_LEAST_BYTES;
}

struct usage_walk {
	struct drain *drain;
	uint64_t end_ns;
};

static bool usage_walk_must_stop(void *context)
{
	struct usage_walk *walk = context;

	drain_log_if_due(walk->drain);
	return now_ns() >= walk->end_ns;
}

/*
 * The slot may hold any number: it says only where to read in the process's own memory. A heap in
 * use is walked more and more rarely.
 */
static void usage_walk_heap(struct watch *watch, struct watched *w)
{
	const struct segment_process *slot = drain_slot(watch->drain, w->image.slot);
	uint64_t began = now_ns(), end = slot->break_current, took_ns;
	struct drain_usage *usage = &w->identity.usage;
	struct usage_walk walk = {watch->drain, began + WALK_MOST_NS};
	struct heap_chunks heap;
	bool known;

	if (!usage_walk_is_due(w, slot))
		return;
	known = heap_chunks_read(w->pid, slot->break_initial, end, &heap, usage_walk_must_stop,
				 &walk) &&
		slot->break_current == end;
	usage_note_walk(usage, known, &heap);
	took_ns = now_ns() - began;
	watch->walked_ns += took_ns;
	if (known && usage->last_free_bytes < heap.heap_bytes / 4 && w->walk_pause_ns)
		w->walk_pause_ns = w->walk_pause_ns < WALK_PAUSE_MAX_NS ? w->walk_pause_ns * 2
									: WALK_PAUSE_MAX_NS;
	else
		w->walk_pause_ns = WALK_PAUSE_NS;
	took_ns *= WALK_SHARE;
	w->next_walk_ns = now_ns() + (took_ns > w->walk_pause_ns ? took_ns : w->walk_pause_ns);
}

/* ---- samples ---- */

/* The break of an image less its first break; what the slot says may be anything. */
static uint64_t usage_break_bytes(const struct watch *watch, const struct watched *w)
{
	const struct segment_process *slot = drain_slot(watch->drain, w->image.slot);

	return slot->instance == w->instance ? usage_since(slot->break_initial, slot->break_current)
					     : 0;
}

/* The break may move while /proc is read: `before` is from before. The larger one may explain more.
 */
static void usage_set_memory(struct watch *watch, struct watched *w,
			     const struct status_facts *status, uint64_t before)
{
	struct drain_usage *usage = &w->identity.usage;

	usage->clock = drain_clock(watch->drain);
	usage->resident_peak_bytes = status->resident_peak_bytes;
	usage->anonymous_bytes = status->anonymous_bytes;
	if (usage->samples > 1 && status->anonymous_bytes <= usage->anonymous_peak_bytes)
		return;
	usage->anonymous_peak_bytes = status->anonymous_bytes;
	usage->anonymous_peak_clock = usage->clock;
	usage->anonymous_peak_break = usage_break_bytes(watch, w);
	if (usage->anonymous_peak_break < before)
		usage->anonymous_peak_break = before;
}

/* Rows for readers of the live session: after 1, 2, 4 ... samples. */
static void usage_keep(struct watch *watch, struct watched *w)
{
	uint64_t samples = w->identity.usage.samples;

	if ((samples & (samples - 1)) == 0)
		drain_identify(watch->drain, w->instance, &w->identity, NULL);
}

static void usage_sample(struct watch *watch, struct watched *w)
{
	struct drain_usage *usage = &w->identity.usage;
	struct proc_facts facts;
	struct status_facts status;
	uint64_t before = usage_break_bytes(watch, w);

	if (!usage_read_counters(w, &facts) || facts.state == 'Z' || w->exec_clock || w->left ||
	    !status_read(w->pid, &status) || status.resident_peak_bytes == 0)
		return;
	usage_set_counters(usage, facts.faults, facts.cpu_ns);
	usage->waited_ns = proc_waited_ns(w->pid);
	usage->samples++;
	usage_set_memory(watch, w, &status, before);
	usage_walk_heap(watch, w);
	title_keep(watch->drain, w);
	usage_keep(watch, w);
}

void usage_choose_pause(struct watch *watch, int32_t sample_ms)
{
	watch->usage_is_chosen = sample_ms >= 0;
	if (watch->usage_is_chosen)
		watch->usage_pause_ns = (uint64_t)sample_ms * 1000000u;
}

uint64_t usage_wait_ns(const struct watch *watch)
{
	uint64_t now = now_ns(), next;

	if (!watch->usage_is_chosen || !watch->usage_pause_ns || !watch->table)
		return UINT64_MAX;
	next = watch->next_usage_ns > watch->usage_allowed_ns ? watch->next_usage_ns
							      : watch->usage_allowed_ns;
	return next > now ? next - now : 0;
}

void usage_turn(struct watch *watch, bool registered)
{
	uint64_t began = now_ns(), took_ns;

	if (watch->usage_is_chosen && !watch->usage_pause_ns)
		return;
	if (registered && !watch->usage_is_chosen)
		watch->usage_pause_ns = PAUSE_MIN_NS;
	if (registered && (!watch->next_usage_ns || watch->next_usage_ns > began + PAUSE_MIN_NS))
		watch->next_usage_ns = began + PAUSE_MIN_NS;
	if (watch->next_usage_ns < watch->usage_allowed_ns)
		watch->next_usage_ns = watch->usage_allowed_ns;
	if (began < watch->next_usage_ns)
		return;
	watch->walked_ns = 0;
	for (struct watched *w = watch->table; w; w = w->hh.next) {
		usage_sample(watch, w);
		drain_log_if_due(watch->drain);
	}
	took_ns = now_ns() - began - watch->walked_ns;
	watch->usage_allowed_ns = began + took_ns * SHARE;
	watch->next_usage_ns = began + watch->usage_pause_ns;
	if (!watch->usage_is_chosen && watch->usage_pause_ns < PAUSE_MAX_NS)
		watch->usage_pause_ns += watch->usage_pause_ns / 2;
}

/* ---- the end ---- */

void usage_end(struct watched *w)
{
	struct proc_facts facts;

	if (!w->identity.usage.command_ended && usage_read_counters(w, &facts) &&
	    facts.state == 'Z')
		usage_set_counters(&w->identity.usage, facts.faults, facts.cpu_ns);
}

static uint64_t usage_time_ns(const struct timeval *time)
{
	return (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_usec * 1000u;
}

/*
 * wait4(2) adds what COMMAND's own children used. Its peak begins as the one of the recorder's
 * child that called execve(2), which is not larger than the recorder's.
 */
void usage_command_ended(struct watched *w, const struct rusage *used, bool alone)
{
	struct drain_usage *usage = &w->identity.usage;
	uint64_t peak = (uint64_t)used->ru_maxrss << 10;
	struct rusage own;

	if (!alone || !w->identity.proof)
		return;
	usage->command_ended = true;
	usage_set_counters(usage, (uint64_t)used->ru_minflt,
			   usage_time_ns(&used->ru_utime) + usage_time_ns(&used->ru_stime));
	if (getrusage(RUSAGE_SELF, &own) == 0 && used->ru_maxrss > own.ru_maxrss &&
	    peak > usage->resident_peak_bytes)
		usage->resident_peak_bytes = peak;
}
