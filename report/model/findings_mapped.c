/* SPDX-License-Identifier: MIT */
/*
 * Findings about memory past the break: mappings that grow all the time (mappings-growing); a large
 * block that is taken and given back again and again (mmap-thrash); an arena for each thread that
 * hardly uses it (many-arenas); and stacks of threads that add up (thread-stacks). The last two are
 * address space, not resident memory: they are notes.
 */
#include "report/model/findings_mapped.h"

#include <stdio.h>
#include <stdlib.h>

#include "report/model/findings_heap.h"
#include "report/model/model.h"
#include "report/util/format.h"

#define KIB (1ull << 10)
#define MIB (1ull << 20)

static void mapped_finding(struct model *model, const struct model_process *p,
			   struct finding *finding, uint32_t stack, const char *headline,
			   uint64_t bytes)
{
	findings_about(finding, p);
	finding->stack_instance = p->facts.instance;
	finding->stack = stack;
	finding_name(model, finding, headline);
	finding->bytes = bytes;
}

/* ---- mappings-growing ---- */

#define GROWING_LEAST_BYTES (4 * MIB)
#define GIVEN_BACK_MOST 4u /* at most this part of the growth */

/* The site that keeps the most of the process's own mappings: index + 1; 0: it is not known. */
static uint32_t mapped_largest_site(const struct model *model, const struct mappings *of,
				    uint64_t *largest_bytes)
{
	uint64_t *bytes = calloc(model->sites.count + 1, sizeof *bytes);
	uint32_t largest = 0;

	*largest_bytes = 0;
	for (uint32_t i = 0; bytes && i < of->count; i++) {
		const struct mapping_piece *piece = &of->rows[i];

		if (!piece->accessible || piece->inherited || piece->site == HEAP_SITE_UNKNOWN ||
		    piece->site > model->sites.count)
			continue;
		bytes[piece->site] += piece->end - piece->begin;
		if (bytes[piece->site] > *largest_bytes) {
			*largest_bytes = bytes[piece->site];
			largest = piece->site;
		}
	}
	free(bytes);
	return largest;
}

static uint64_t mapped_sum(const struct mappings *of, bool given_back)
{
	uint64_t sum = 0;

	for (int purpose = 0; purpose < MAPPED_COUNT; purpose++)
		sum += given_back ? of->sums[purpose].given_back_bytes
				  : of->sums[purpose].taken_bytes;
	return sum;
}

static void check_mapped_growing(struct model *model, const struct model_process *p)
{
	uint64_t life_ns = heap_life_ns(model, p), taken = mapped_sum(p->mappings, false), most;
	uint64_t back = mapped_sum(p->mappings, true);
	char size[FORMAT_BYTES], rate[FORMAT_BYTES], time[FORMAT_BYTES], given[FORMAT_BYTES];
	struct growth_facts growth;
	struct finding *finding;
	char headline[64];
	uint32_t site;

	if (!heap_lived_long_enough(p, life_ns) ||
	    !growth_judge(&p->mappings->growth, p->facts.start_ns + life_ns, &growth) ||
	    !growth.steady || growth.until - growth.from < GROWING_LEAST_BYTES ||
	    back > taken / GIVEN_BACK_MOST)
		return;
	site = mapped_largest_site(model, p->mappings, &most);
	finding = findings_add(
		model, FINDING_MAPPINGS_GROWING, SEVERITY_WARNING,
		"the place does not give back what it takes: look for a list or a cache without a "
		"limit, or a free(3) or munmap(2) that is missing",
		"%s (%d): its mappings grow by %s/s: it took %s in %s and gave back %s; %.0f %% of "
		"what is left is from one place",
		model_program_name(&p->facts), p->facts.pid,
		format_bytes(rate, (uint64_t)growth.bytes_per_s), format_bytes(size, taken),
		format_duration(time, life_ns), format_bytes(given, back),
		taken > back ? (double)most * 100 / (double)(taken - back) : 0);
	snprintf(headline, sizeof headline, "mappings growing, %s/s", rate);
	mapped_finding(model, p, finding, site ? model->sites.rows[site - 1].stack : 0, headline,
		       taken);
}

/* ---- mmap-thrash ---- */

#define AGAIN_LEAST 64u
/* As for break-thrash: two system calls; a fault, and zeroing the page. */
#define PAIR_NS 600u
#define FAULT_NS 700u
#define PAGE_BYTES 4096u
#define THRASH_COST_NS 20000000.0
#define THRASH_SHARE 0.02         /* of the CPU time that the process used: worth a note */
#define THRASH_RATE 100.0         /* pairs a second, where the CPU time is not known */
#define THRESHOLD_MOST (32 * MIB) /* of malloc's own maximum */

static bool mapped_thrash_costs(const struct model_process *p, uint64_t life_ns, double *cost_ns)
{
	const struct usage_facts *usage = &p->identity.usage;
	double pages = (double)p->mappings->blocks_returned_bytes / PAGE_BYTES;
	double pairs = (double)p->mappings->blocks_again;

	if (usage->faults && pages > (double)usage->faults)
		pages = (double)usage->faults;
	*cost_ns = pairs * PAIR_NS + pages * FAULT_NS;
	if (*cost_ns < THRASH_COST_NS)
		return false;
	return usage->cpu_ns ? *cost_ns >= THRASH_SHARE * (double)usage->cpu_ns
			     : pairs * 1e9 >= THRASH_RATE * (double)life_ns;
}

static void mapped_thrash_advise(char *text, size_t bytes, uint64_t block)
{
	uint64_t threshold = MIB;

	while (threshold < 2 * block && threshold < THRESHOLD_MOST)
		threshold *= 2;
	if (block < THRESHOLD_MOST)
		snprintf(
			text, bytes,
			"keep the block and use it again, or run it with "
			"MALLOC_MMAP_THRESHOLD_=%llu MALLOC_TRIM_THRESHOLD_=%llu (M_MMAP_THRESHOLD "
			"and M_TRIM_THRESHOLD of mallopt(3)): malloc then keeps such blocks in its "
			"heap",
			(unsigned long long)threshold, (unsigned long long)(2 * threshold));
	else
		snprintf(text, bytes,
			 "keep the block and use it again: malloc maps each block above 32M, and "
			 "each page that is taken again is a page fault");
}

static void check_mmap_thrash(struct model *model, const struct model_process *p)
{
	const struct mappings *of = p->mappings;
	char advice[320], size[FORMAT_BYTES], again[FORMAT_BYTES], all[FORMAT_BYTES], headline[64];
	uint64_t block;
	struct finding *finding;
	double cost_ns;

	if (of->blocks_again < AGAIN_LEAST ||
	    !mapped_thrash_costs(p, heap_life_ns(model, p), &cost_ns))
		return;
	block = of->blocks_returned_bytes / of->blocks_returned;
	mapped_thrash_advise(advice, sizeof advice, block);
	finding = findings_add(model, FINDING_MMAP_THRASH, SEVERITY_NOTE, advice,
			       "%s (%d): malloc gave back a large block and took one of about the "
			       "same size again %s times: %s a block, %s in all, at least %.0f ms",
			       model_program_name(&p->facts), p->facts.pid,
			       format_count(again, of->blocks_again), format_bytes(size, block),
			       format_bytes(all, of->blocks_returned_bytes), cost_ns / 1e6);
	snprintf(headline, sizeof headline, "blocks of %s taken again", size);
	mapped_finding(model, p, finding, of->again_stack, headline, of->blocks_returned_bytes);
}

/* ---- many-arenas ---- */

#define ARENAS_LEAST 8u
#define ARENA_USED_MOST (512 * KIB) /* of its 64 MiB, on average */

static void check_arenas(struct model *model, const struct model_process *p)
{
	uint32_t heaps = mappings_arena_heaps(p->mappings, true);
	uint64_t used = p->mappings->sums[MAPPED_ARENA].now_bytes;
	char each[FORMAT_BYTES], headline[64];
	struct finding *finding;

	if (heaps < ARENAS_LEAST || used / heaps >= ARENA_USED_MOST)
		return;
	finding = findings_add(
		model, FINDING_MANY_ARENAS, SEVERITY_NOTE,
		"run it with MALLOC_ARENA_MAX=2, or set M_ARENA_MAX with mallopt(3): threads then "
		"share arenas, and what one frees another can use",
		"%s (%d): %u heaps of arenas use %s each, and each takes 64M of address space",
		model_program_name(&p->facts), p->facts.pid, heaps,
		format_bytes(each, used / heaps));
	snprintf(headline, sizeof headline, "%u arenas hardly used", heaps);
	mapped_finding(model, p, finding, 0, headline, heaps * 64 * MIB);
}

/* ---- thread-stacks ---- */

#define STACKS_LEAST_BYTES (512 * MIB)

static void check_stacks(struct model *model, const struct model_process *p)
{
	const struct mapping_sums *sums = &p->mappings->sums[MAPPED_STACK];
	char most[FORMAT_BYTES], each[FORMAT_BYTES], headline[64];
	struct finding *finding;

	if (sums->own_peak_bytes < STACKS_LEAST_BYTES || !sums->mmaps)
		return;
	finding = findings_add(
		model, FINDING_THREAD_STACKS, SEVERITY_NOTE,
		"only pages that were used are resident; where address space is limited, make "
		"stacks smaller with pthread_attr_setstacksize(3) or 'ulimit -s'",
		"%s (%d): the stacks of its threads had up to %s of address space, about %s each",
		model_program_name(&p->facts), p->facts.pid,
		format_bytes(most, sums->own_peak_bytes),
		format_bytes(each, sums->taken_bytes / sums->mmaps));
	snprintf(headline, sizeof headline, "%s of stacks", most);
	mapped_finding(model, p, finding, 0, headline, sums->own_peak_bytes);
}

void findings_check_mapped(struct model *model, const struct model_process *process)
{
	if (!process->mappings)
		return;
	check_mapped_growing(model, process);
	check_mmap_thrash(model, process);
	check_arenas(model, process);
	check_stacks(model, process);
}
