/* SPDX-License-Identifier: MIT */
/*
 * Why the kernel granted no memory, by the limits that the recorder read. The snapshot may show
 * less memory than the process had: after the failure, it may free memory or end. So a sum from the
 * log counts, too: what was mapped when the process registered, plus the growth of its heap.
 */
#include <stdio.h>
#include <string.h>

#include "report/model/explain.h"
#include "report/model/memory_limits.h"
#include "report/model/model.h"
#include "report/util/format.h"

#define OVERCOMMIT_NEVER 2u
#define OVERCOMMIT_ALWAYS 1u

/* The causes of a refusal, and those that are excluded. */
enum cause { CAUSE_DATA, CAUSE_SPACE, CAUSE_WALL, CAUSE_MEMORY, CAUSE_COUNT };

struct request {
	const struct snapshot_facts *s;
	uint64_t asked, heap, above; /* bytes; above: the break, 0 for an attachment */
	uint64_t page;
};

static uint64_t memory_limit_larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static bool is_limit(uint64_t limit)
{
	return limit && limit != UINT64_MAX;
}

/* What RLIMIT_DATA counts since Linux 4.7: all private, writable memory. */
static uint64_t data_used(const struct request *r)
{
	uint64_t first = r->s->first_data_bytes ? r->s->first_data_bytes + r->heap : 0;

	return memory_limit_larger(memory_limit_larger(r->s->data_bytes, first), r->heap);
}

/* What RLIMIT_AS counts: all mapped memory. */
static uint64_t space_used(const struct request *r)
{
	uint64_t first = r->s->first_mapped_bytes ? r->s->first_mapped_bytes + r->heap : 0;

	return memory_limit_larger(r->s->mapped_bytes, first);
}

/* "at least 240M were mapped", where the process may have had more. */
static const char *memory_limit_least(const struct request *r, uint64_t used, uint64_t now)
{
	return r->s->process_gone || used > now ? "at least " : "";
}

static struct explanation explain_data(const struct request *r)
{
	char limit[FORMAT_BYTES], used[FORMAT_BYTES], wanted[FORMAT_BYTES];
	uint64_t data = data_used(r);

	format_bytes(limit, r->s->limit_data);
	format_bytes(wanted, r->asked);
	if (r->heap + r->asked > r->s->limit_data)
		return explain_by("raise it with 'ulimit -d'",
				  "RLIMIT_DATA is %s, and the call asked for %s more", limit,
				  wanted);
	return explain_by("raise it with 'ulimit -d'",
			  "RLIMIT_DATA is %s: it limits all private writable memory, not the heap "
			  "alone; the process had %s%s of that, and the call asked for %s more",
			  limit, memory_limit_least(r, data, r->s->data_bytes),
			  format_bytes(used, data), wanted);
}

static struct explanation explain_space(const struct request *r, const char *more)
{
	char limit[FORMAT_BYTES], used[FORMAT_BYTES], wanted[FORMAT_BYTES];
	uint64_t space = space_used(r);

	return explain_by("raise it with 'ulimit -v'",
			  "RLIMIT_AS is %s, %s%s are mapped, and %s%s%s",
			  format_bytes(limit, r->s->limit_size),
			  memory_limit_least(r, space, r->s->mapped_bytes),
			  format_bytes(used, space), more ? more : "the call asked for ",
			  format_bytes(wanted, r->asked), more ? "" : " more");
}

/* ---- missing data ---- */

static bool is_excluded(const struct request *r, enum cause cause)
{
	switch (cause) {
	case CAUSE_DATA:
		return r->s->limit_data == UINT64_MAX;
	case CAUSE_SPACE:
		return r->s->limit_size == UINT64_MAX;
	case CAUSE_WALL: /* no mapping was in the way */
		return r->s->next_start != 0;
	default:
		return r->s->overcommit == OVERCOMMIT_ALWAYS ||
		       (r->s->overcommit != OVERCOMMIT_NEVER && r->s->memory_bytes);
	}
}

static const char *limit_words(uint64_t limit, char to[FORMAT_BYTES])
{
	if (limit == UINT64_MAX)
		return "unlimited";
	return limit ? format_bytes(to, limit) : "unknown";
}

static void list_causes(const struct request *r, bool excluded, char text[160])
{
	static const char *const names[] = {
		[CAUSE_DATA] = "RLIMIT_DATA",
		[CAUSE_SPACE] = "RLIMIT_AS",
		[CAUSE_WALL] = "a mapping above the break",
		[CAUSE_MEMORY] = "the machine's memory",
	};
	size_t used = 0;

	text[0] = '\0';
	for (int cause = 0; cause < CAUSE_COUNT; cause++)
		if (is_excluded(r, (enum cause)cause) == excluded)
			used += (size_t)snprintf(text + used, 160 - used, "%s%s", used ? ", " : "",
						 names[cause]);
}

/* Names the limits that are set, what cannot be the cause, and what remains. */
static struct explanation explain_unknown(const struct request *r)
{
	char wanted[FORMAT_BYTES], data[FORMAT_BYTES], space[FORMAT_BYTES], had[FORMAT_BYTES];
	char excluded[160], left[160];

	list_causes(r, true, excluded);
	list_causes(r, false, left);
	return explain_by(
		NULL,
		"the call asked for %s, and the heap had %s; RLIMIT_DATA was %s, RLIMIT_AS %s%s; "
		"not the cause: %s; possible causes: %s%sRLIMIT_MEMLOCK after mlockall",
		format_bytes(wanted, r->asked), format_bytes(had, r->heap),
		limit_words(r->s->limit_data, data), limit_words(r->s->limit_size, space),
		r->s->process_gone ? " when the process began" : "",
		*excluded ? excluded : "none of the known limits", left, *left ? ", or " : "");
}

/* ---- calls ---- */

static struct explanation explain_wall_seen(const struct request *r)
{
	char capacity[FORMAT_BYTES], wanted[FORMAT_BYTES];

	return explain_by("do not map memory at a fixed address near the heap",
			  "%s begins %s above the break, and the call asked for %s",
			  r->s->next_name[0] ? r->s->next_name : "a mapping without a file",
			  format_bytes(capacity, r->s->next_start - r->above),
			  format_bytes(wanted, r->asked));
}

/* The kernel keeps a page free between the heap and the next mapping. */
static bool is_walled(const struct request *r)
{
	return r->s->next_start && r->s->next_start < r->above + r->asked + r->page;
}

struct explanation limits_explain_move(const struct model *model,
				       const struct model_process *process,
				       const struct event *event, const struct snapshot_facts *s)
{
	uint64_t before = event->u.brk.before;
	struct request r = {
		.s = s,
		.asked = event->kind == KIND_BRK ? event->u.brk.argument - before
						 : event->u.brk.argument,
		.heap = before - process->facts.break_initial,
		.above = before,
		.page = model->session.page_bytes,
	};
	char capacity[FORMAT_BYTES], wanted[FORMAT_BYTES];

	format_bytes(wanted, r.asked);
	if (is_walled(&r))
		return explain_wall_seen(&r);
	if (is_limit(s->limit_data) && data_used(&r) + r.asked > s->limit_data)
		return explain_data(&r);
	if (is_limit(s->limit_size) && space_used(&r) + r.asked > s->limit_size)
		return explain_space(&r, NULL);
	if (s->overcommit == OVERCOMMIT_NEVER)
		return explain_by(NULL,
				  "the call asked for %s, and with vm.overcommit_memory 2 the "
				  "kernel grants no more memory than there is",
				  wanted);
	if (s->memory_bytes && r.asked > s->memory_bytes)
		return explain_by("ask for less at once",
				  "the call asked for %s, and memory and swap together are %s: "
				  "vm.overcommit_memory %u refuses that",
				  wanted, format_bytes(capacity, s->memory_bytes), s->overcommit);
	return explain_unknown(&r);
}

struct explanation limits_explain_attach(const struct model_process *process,
					 const struct event *event, const struct snapshot_facts *s,
					 uint64_t size)
{
	struct request r = {
		.s = s,
		.asked = size,
		.heap = event->u.shmat.before - process->facts.break_initial,
	};

	if (is_limit(s->limit_size) && space_used(&r) + size > s->limit_size)
		return explain_space(&r, "the segment has ");
	return explain_nothing;
}
