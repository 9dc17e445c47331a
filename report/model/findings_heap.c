/* SPDX-License-Identifier: MIT */
/*
 * Findings about a heap: it grows all the time (heap-growing); it grows and shrinks again and again
 * (break-thrash); it holds memory that is free and resident (heap-pinned); and the process has more
 * memory than its break explains (past-the-break). The first two follow from the log and the
 * counters, the last two from what the recorder sampled.
 */
#include "report/model/findings_heap.h"

#include <stdio.h>

#include "report/model/heap_places.h"
#include "report/model/model.h"
#include "report/util/format.h"

#define SECOND_NS 1000000000ull
#define MIB (1ull << 20)

uint64_t heap_life_ns(const struct model *model, const struct model_process *p)
{
	uint64_t end = p->facts.ended ? p->facts.end_ns : model->session.duration_ns;

	if (!end || (!p->facts.ended && model->last_ns > end))
		end = model->last_ns;
	return end > p->facts.start_ns ? end - p->facts.start_ns : 0;
}

/* What the finding says in a few words, such as "2.5G taken again and again". */
static void finding_set_heap(struct model *model, struct finding *finding, const char *headline,
			     const char *amount, uint64_t bytes)
{
	char text[64];

	snprintf(text, sizeof text, "%s %s", amount, headline);
	finding_name(model, finding, text);
	finding->bytes = bytes;
}

static void finding_set_place(struct finding *finding, const struct model_process *p,
			      uint32_t instance, uint32_t stack)
{
	findings_about(finding, p);
	finding->stack_instance = stack ? instance : p->facts.instance;
	finding->stack = stack;
}

/* ---- heap-growing ---- */

#define GROWING_LEAST_BYTES (4 * MIB)
#define GROWING_LEAST_NS (3 * SECOND_NS)
/*
 * A program that computes without a pause and builds its data may grow until its end, and be sound.
 * So it must have grown for longer than such a program mostly runs. On a machine under load it
 * waits for a CPU: that is no pause.
 */
#define GROWING_BUSY_NS (60 * SECOND_NS)
#define GROWING_BUSY_PART 3u /* it ran, or was ready to run, for a third of its life */
#define GIVEN_BACK_MOST 4u   /* at most this part of the growth */

bool heap_lived_long_enough(const struct model_process *p, uint64_t life_ns)
{
	const struct usage_facts *usage = &p->identity.usage;
	bool paused = usage->samples &&
		      usage->cpu_ns + usage->waited_ns < life_ns / GROWING_BUSY_PART;

	return life_ns >= (paused ? GROWING_LEAST_NS : GROWING_BUSY_NS);
}

static void check_growing(struct model *model, const struct model_process *p)
{
	uint64_t life_ns = heap_life_ns(model, p), grown = model_grown(&p->facts);
	char size[FORMAT_BYTES], rate[FORMAT_BYTES], time[FORMAT_BYTES], back[FORMAT_BYTES];
	struct growth_facts growth;
	struct heap_place place;
	struct finding *finding;
	char headline[64];

	if (!p->heap || !heap_lived_long_enough(p, life_ns) ||
	    !growth_judge(&p->heap->growth, p->facts.start_ns + life_ns, &growth) ||
	    !growth.steady || growth.until - growth.from < GROWING_LEAST_BYTES ||
	    model_shrunk(&p->facts) > grown / GIVEN_BACK_MOST)
		return;
	place = heap_place_find(model, p, growth.from);
	finding = findings_add(
		model, FINDING_HEAP_GROWING, SEVERITY_WARNING,
		"the place does not give back what it takes: look for a list or a "
		"cache without a limit, or a free(3) that is missing",
		"%s (%d): the heap grows by %s/s: it took %s in %s and gave back %s; "
		"%.0f %% of the growth is from one place",
		model_program_name(&p->facts), p->facts.pid,
		format_bytes(rate, (uint64_t)growth.bytes_per_s), format_bytes(size, grown),
		format_duration(time, life_ns), format_bytes(back, model_shrunk(&p->facts)),
		place.share * 100);
	finding_set_place(finding, p, place.instance, place.stack);
	snprintf(headline, sizeof headline, "heap growing, %s/s (%.0f %%)", rate,
		 place.share * 100);
	finding_name(model, finding, headline);
	finding->bytes = grown;
}

/* ---- break-thrash ---- */

#define THRASH_SHRINKS 16u
#define THRASH_PEAKS 2u /* taken again: so many times the peak */
/* What a move and a page cost, at the least: a system call; a fault, and zeroing the page. */
#define MOVE_NS 300u
#define FAULT_NS 700u
#define THRASH_SHARE 0.02 /* of the CPU time that the process used: worth a note */
#define THRASH_COST_NS 20000000.0
#define THRASH_LIFE_SHARE 0.005 /* of its life: a process that mostly waits is not slowed down */
#define THRASH_RATE 100.0       /* moves a second, together with the next */
#define THRASH_BYTES_PER_S (16.0 * (double)MIB)
#define THRASH_RATE_SHARE 0.05 /* and of its CPU time */
#define THRASH_WARN_SHARE 0.1
#define THRASH_WARN_NS 100000000.0

struct thrash {
	uint64_t shrinks, moves;
	uint64_t again_bytes; /* grown where the break had been before */
	uint64_t faults;      /* of them, as far as the kernel's count allows */
	double cost_ns, share, life_share, moves_per_s, bytes_per_s;
	bool by_malloc;
};

static void thrash_measure(struct thrash *thrash, const struct model *model,
			   const struct model_process *p)
{
	const struct move_facts *direct = &p->facts.moves[BY_DIRECT];
	const struct move_facts *of_malloc = &p->facts.moves[BY_MALLOC];
	uint64_t grown = model_grown(&p->facts), peak = model_heap_peak(&p->facts), page, life_ns,
		 time_ns;

	page = model->session.page_bytes ? model->session.page_bytes : 4096;
	*thrash = (struct thrash){.shrinks = direct->shrinks + of_malloc->shrinks};
	thrash->moves = thrash->shrinks + direct->grows + of_malloc->grows;
	thrash->by_malloc = of_malloc->shrunk_bytes >= direct->shrunk_bytes;
	thrash->again_bytes = grown > peak ? grown - peak : 0;
	thrash->faults = thrash->again_bytes / page;
	if (p->identity.usage.faults && p->identity.usage.faults < thrash->faults)
		thrash->faults = p->identity.usage.faults;
	life_ns = heap_life_ns(model, p) + 1;
	time_ns = p->identity.usage.cpu_ns ? p->identity.usage.cpu_ns : life_ns;
	thrash->cost_ns = (double)thrash->moves * MOVE_NS + (double)thrash->faults * FAULT_NS;
	thrash->share = thrash->cost_ns / (double)time_ns;
	thrash->life_share = thrash->cost_ns / (double)life_ns;
	thrash->moves_per_s = (double)thrash->moves * SECOND_NS / (double)life_ns;
	thrash->bytes_per_s = (double)thrash->again_bytes * SECOND_NS / (double)life_ns;
}

static bool thrash_costs(const struct thrash *thrash)
{
	return (thrash->cost_ns >= THRASH_COST_NS && thrash->share >= THRASH_SHARE &&
		thrash->life_share >= THRASH_LIFE_SHARE) ||
	       (thrash->moves_per_s >= THRASH_RATE && thrash->bytes_per_s >= THRASH_BYTES_PER_S &&
		thrash->share >= THRASH_RATE_SHARE);
}

/*
 * The user of a script cannot call mallopt(3). Setting one of the two thresholds ends malloc's own
 * tuning of both: so both are set.
 */
static void thrash_advise(char *text, size_t bytes, const struct thrash *thrash, uint64_t peak)
{
	uint64_t keep = MIB, mapped;

	if (!thrash->by_malloc) {
		snprintf(text, bytes,
			 "keep the memory and use it again: each return costs a system call, and "
			 "each page that is taken again a page fault");
		return;
	}
	while (keep < 2 * peak && keep < 1ull << 40)
		keep *= 2;
	mapped = keep < 32 * MIB ? keep : 32 * MIB; /* malloc's own maximum */
	snprintf(text, bytes,
		 "run it with MALLOC_TRIM_THRESHOLD_=%llu MALLOC_MMAP_THRESHOLD_=%llu (or "
		 "GLIBC_TUNABLES=glibc.malloc.trim_threshold=%llu:glibc.malloc.mmap_threshold=%llu)"
		 ", "
		 "or set M_TRIM_THRESHOLD with mallopt(3): malloc then keeps free memory for later "
		 "requests",
		 (unsigned long long)keep, (unsigned long long)mapped, (unsigned long long)keep,
		 (unsigned long long)mapped);
}

static void thrash_add(struct model *model, const struct model_process *p,
		       const struct thrash *thrash)
{
	bool costly = thrash->share >= THRASH_WARN_SHARE && thrash->cost_ns >= THRASH_WARN_NS;
	char advice[512], again[FORMAT_BYTES], moves[FORMAT_BYTES], faults[FORMAT_BYTES];
	uint32_t stack = thrash->by_malloc ? p->shrink_stack : p->direct_stack;
	struct finding *finding;

	thrash_advise(advice, sizeof advice, thrash, model_heap_peak(&p->facts));
	finding = findings_add(
		model, FINDING_BREAK_THRASH, costly ? SEVERITY_WARNING : SEVERITY_NOTE, advice,
		"%s (%d): the break moved %s times (%.0f/s), and %s were given back "
		"and taken again: %s%s page faults, at least %.0f %% of its CPU time",
		model_program_name(&p->facts), p->facts.pid, format_count(moves, thrash->moves),
		thrash->moves_per_s, format_bytes(again, thrash->again_bytes),
		p->identity.usage.faults ? "" : "up to ", format_count(faults, thrash->faults),
		thrash->share < 1 ? thrash->share * 100 : 99.0);
	finding_set_place(finding, p, p->facts.instance, stack);
	finding_set_heap(model, finding, "given back and taken again", again, thrash->again_bytes);
}

static void check_thrash(struct model *model, const struct model_process *p)
{
	struct thrash thrash;

	thrash_measure(&thrash, model, p);
	if (thrash.shrinks >= THRASH_SHRINKS &&
	    thrash.again_bytes >= THRASH_PEAKS * model_heap_peak(&p->facts) &&
	    thrash_costs(&thrash))
		thrash_add(model, p, &thrash);
}

/* ---- heap-pinned ---- */

#define PINNED_LEAST_BYTES (32 * MIB)
#define PINNED_PART 4u /* of the heap, at least a fourth */

/*
 * What the recorder found free and resident in two walks over the heap. Without its samples nothing
 * is known: a heap that does not shrink may be in use.
 */
static void check_pinned(struct model *model, const struct model_process *p)
{
	const struct usage_facts *usage = &p->identity.usage;
	char freed[FORMAT_BYTES], heap[FORMAT_BYTES];
	struct finding *finding;

	if (!usage->heap_known || usage->heap_free_bytes < PINNED_LEAST_BYTES ||
	    usage->heap_free_bytes < usage->heap_bytes / PINNED_PART)
		return;
	finding = findings_add(
		model, FINDING_HEAP_PINNED, SEVERITY_NOTE,
		"call malloc_trim(3) when the work is done: it gives free pages back "
		"although a block in use at the top holds the break up",
		"%s (%d): %s of the heap's %s were free and still resident",
		model_program_name(&p->facts), p->facts.pid,
		format_bytes(freed, usage->heap_free_bytes), format_bytes(heap, usage->heap_bytes));
	finding_set_place(finding, p, p->facts.instance, p->highest_stack);
	finding_set_heap(model, finding, "of heap free but resident", freed,
			 usage->heap_free_bytes);
}

/* ---- past-the-break ---- */

#define PAST_LEAST_BYTES (32 * MIB)

/*
 * Anonymous memory, where it was sampled. The peak of the resident size counts files and segments,
 * too: so it decides only where it is twice as large.
 */
static void check_past(struct model *model, const struct model_process *p)
{
	const struct usage_facts *usage = &p->identity.usage;
	uint64_t peak = usage->samples ? usage->anonymous_peak_bytes : 0,
		 heap = model_heap_peak(&p->facts);
	char memory[FORMAT_BYTES], shown[FORMAT_BYTES], resident[FORMAT_BYTES], past[FORMAT_BYTES];
	struct finding *finding;

	if (peak < heap + PAST_LEAST_BYTES || peak - heap < peak / 2)
		return;
	finding = findings_add(
		model, FINDING_PAST_THE_BREAK, SEVERITY_NOTE,
		p->facts.mappings_watched
			? "the table MEMORY and the call sites show which calls took it"
			: "record it with 'memshim record -a': the report then shows which calls "
			  "took it; malloc uses mmap(2) for the heaps of other threads and for "
			  "large "
			  "blocks: MALLOC_ARENA_MAX=1 brings the threads' memory to the break",
		"%s (%d): it had %s of anonymous memory, and the break explains %s of it "
		"(peak of the resident size: %s)",
		model_program_name(&p->facts), p->facts.pid, format_bytes(memory, peak),
		format_bytes(shown, heap), format_bytes(resident, usage->resident_peak_bytes));
	format_bytes(past, peak - heap);
	findings_about(finding, p);
	finding_set_heap(model, finding, "past the break", past, peak - heap);
}

void findings_check_heap(struct model *model, const struct model_process *p)
{
	check_growing(model, p);
	check_thrash(model, p);
	check_pinned(model, p);
	check_past(model, p);
}
