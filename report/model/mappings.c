/* SPDX-License-Identifier: MIT */
#include "report/model/mappings.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "report/model/filter.h"
#include "report/model/heap.h"
#include "report/model/model.h"

#define PIECES_MAX (1u << 16)    /* the kernel's vm.max_map_count is 65,530, if it is not raised */
#define INHERITED_MAX (1u << 22) /* pieces that all children together may copy */
#define ARENA_HEAP_SHIFT 26      /* glibc's HEAP_MAX_SIZE, without huge pages */

/* One call that is replayed. */
struct replay {
	struct model *model;
	struct mappings *of;
	uint32_t site;
};

/* ---- sums ---- */

static struct model_site *mapping_site(const struct replay *r, const struct mapping_piece *piece)
{
	return piece->site != HEAP_SITE_UNKNOWN && piece->site <= r->model->sites.count
		       ? &r->model->sites.rows[piece->site - 1]
		       : NULL;
}

static void mapping_take(struct replay *r, const struct mapping_piece *piece)
{
	struct mapping_sums *sums = &r->of->sums[piece->purpose];
	struct model_site *site = mapping_site(r, piece);
	uint64_t bytes = piece->end - piece->begin;

	if (!piece->accessible) {
		sums->reserved_bytes += bytes;
		return;
	}
	sums->now_bytes += bytes;
	r->of->now_bytes += bytes;
	if (sums->now_bytes > sums->peak_bytes)
		sums->peak_bytes = sums->now_bytes;
	if (r->of->now_bytes > r->of->peak_bytes)
		r->of->peak_bytes = r->of->now_bytes;
	if (piece->inherited)
		return;
	sums->taken_bytes += bytes;
	if (mapping_own_bytes(sums) > sums->own_peak_bytes)
		sums->own_peak_bytes = mapping_own_bytes(sums);
	if (!site)
		return;
	site->purpose = piece->purpose;
	site->bytes += bytes;
	site->mapped_bytes += bytes;
	if (site->mapped_bytes > site->mapped_peak_bytes)
		site->mapped_peak_bytes = site->mapped_bytes;
}

static void mapping_give_back(struct replay *r, const struct mapping_piece *piece)
{
	struct mapping_sums *sums = &r->of->sums[piece->purpose];
	struct model_site *site = mapping_site(r, piece);
	uint64_t bytes = piece->end - piece->begin;

	if (!piece->accessible) {
		sums->reserved_bytes -= bytes;
		return;
	}
	sums->now_bytes -= bytes;
	r->of->now_bytes -= bytes;
	if (piece->inherited)
		return;
	sums->given_back_bytes += bytes;
	if (!site)
		return;
	site->given_back_bytes += bytes;
	site->mapped_bytes -= bytes;
}

/* ---- pieces ---- */

/* The first piece that ends above `address`. */
static uint32_t mapping_find(const struct mappings *of, uint64_t address)
{
	uint32_t low = 0, high = of->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (of->rows[middle].end > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static bool mapping_insert(struct replay *r, uint32_t at, const struct mapping_piece *piece)
{
	struct mappings *of = r->of;

	if (of->count >= PIECES_MAX ||
	    !MODEL_RESERVE(r->model, of->rows, of->capacity, of->count + 1))
		return false;
	memmove(of->rows + at + 1, of->rows + at, (of->count - at) * sizeof *of->rows);
	of->rows[at] = *piece;
	of->count++;
	return true;
}

static void mapping_delete(struct mappings *of, uint32_t from, uint32_t to)
{
	memmove(of->rows + from, of->rows + to, (of->count - to) * sizeof *of->rows);
	of->count -= to - from;
}

/* Lets a piece begin at `address` if one contains it. Returns the first piece from there on. */
static uint32_t mapping_split(struct replay *r, uint64_t address)
{
	uint32_t at = mapping_find(r->of, address);
	struct mapping_piece upper;

	if (at == r->of->count || r->of->rows[at].begin >= address)
		return at;
	upper = r->of->rows[at];
	upper.begin = address;
	if (!mapping_insert(r, at + 1, &upper)) {
		mapping_give_back(r, &upper); /* without memory it is lost from the account */
		r->of->rows[at].end = address;
		return at + 1;
	}
	r->of->rows[at].end = address;
	return at + 1;
}

static bool mapping_continues(const struct mapping_piece *left, const struct mapping_piece *right)
{
	return left->end == right->begin && left->site == right->site &&
	       left->purpose == right->purpose && left->accessible == right->accessible &&
	       left->inherited == right->inherited;
}

/* Joins equal neighbours among the pieces from `from` - 1 to `to`. */
static void mapping_join(struct mappings *of, uint32_t from, uint32_t to)
{
	uint32_t i = from ? from - 1 : 0;

	for (; i + 1 < of->count && i < to; i++) {
		if (!mapping_continues(&of->rows[i], &of->rows[i + 1]))
			continue;
		of->rows[i].end = of->rows[i + 1].end;
		mapping_delete(of, i + 1, i + 2);
		i--;
		to--;
	}
}

static uint64_t mapping_round(uint64_t address, uint64_t length)
{
	uint64_t end;

	if (__builtin_add_overflow(address, length, &end) || end > UINT64_MAX - 4095)
		return UINT64_MAX & ~4095ull;
	return (end + 4095) & ~4095ull;
}

static void mapping_remove(struct replay *r, uint64_t begin, uint64_t end)
{
	uint32_t from, to;

	if (end <= begin)
		return;
	from = mapping_split(r, begin);
	to = mapping_split(r, end);
	for (uint32_t i = from; i < to; i++)
		mapping_give_back(r, &r->of->rows[i]);
	mapping_delete(r->of, from, to);
}

static void mapping_add(struct replay *r, const struct mapping_piece *piece)
{
	uint32_t at;

	if (piece->end <= piece->begin)
		return;
	mapping_remove(r, piece->begin, piece->end);
	at = mapping_find(r->of, piece->begin);
	if (!mapping_insert(r, at, piece))
		return;
	mapping_take(r, piece);
	mapping_join(r->of, at, at + 1);
}

static void mapping_protect(struct replay *r, uint64_t begin, uint64_t end, bool accessible)
{
	uint32_t from = mapping_split(r, begin), to = mapping_split(r, end);

	for (uint32_t i = from; i < to; i++) {
		struct mapping_piece *piece = &r->of->rows[i];

		if (piece->accessible == accessible)
			continue;
		mapping_give_back(r, piece);
		piece->accessible = accessible;
		piece->inherited &= !accessible;
		piece->site = r->site;
		mapping_take(r, piece);
	}
	mapping_join(r->of, from, to);
}

/* ---- calls ---- */

static void mapping_replay_mmap(struct replay *r, const struct event *event)
{
	struct mapping_piece piece = {
		.begin = event->u.mmap.address,
		.end = mapping_round(event->u.mmap.address, event->u.mmap.length),
		.site = r->site,
		.purpose = (uint8_t)event_mapping_purpose(event),
		.accessible = event->u.mmap.protection != PROT_NONE,
	};
	uint32_t under = mapping_find(r->of, piece.begin);
	uint64_t bytes = piece.end - piece.begin, last = r->of->last_returned_bytes;

	if (!event_maps_anonymous(event)) {
		mapping_remove(r, piece.begin, piece.end);
		return;
	}
	/* malloc gives up the end of an arena's heap by mapping it again, without access. */
	if (event->u.mmap.flags & MAP_FIXED && under < r->of->count &&
	    r->of->rows[under].begin <= piece.begin && r->of->rows[under].purpose == MAPPED_ARENA)
		piece.purpose = MAPPED_ARENA;
	r->of->sums[piece.purpose].mmaps++;
	if (piece.purpose == MAPPED_BLOCK && last && bytes >= last / 2 && bytes / 2 <= last) {
		r->of->blocks_again++;
		r->of->again_stack = event->stack;
	}
	mapping_add(r, &piece);
}

static void mapping_replay_munmap(struct replay *r, const struct event *event)
{
	uint64_t begin = event->u.range.address;
	uint64_t end = mapping_round(begin, event->u.range.length);
	uint32_t at = mapping_find(r->of, begin);

	if (at < r->of->count && r->of->rows[at].begin <= begin &&
	    r->of->rows[at].purpose == MAPPED_BLOCK) {
		r->of->blocks_returned++;
		r->of->blocks_returned_bytes += end - begin;
		r->of->last_returned_bytes = end - begin;
	}
	mapping_remove(r, begin, end);
}

/* Moves the pieces of a range, without a change of what they are. */
static void mapping_move(struct replay *r, uint64_t begin, uint64_t end, uint64_t to)
{
	uint32_t from = mapping_split(r, begin), count = mapping_split(r, end) - from;
	struct mapping_piece *moved = count ? malloc(count * sizeof *moved) : NULL;

	if (count && !moved) {
		r->model->no_memory = true;
		return;
	}
	for (uint32_t i = 0; i < count; i++)
		moved[i] = r->of->rows[from + i];
	mapping_delete(r->of, from, from + count);
	mapping_remove(r, to, to + (end - begin));
	from = mapping_find(r->of, to);
	for (uint32_t i = 0; i < count; i++) {
		moved[i].begin = moved[i].begin - begin + to;
		moved[i].end = moved[i].end - begin + to;
		if (!mapping_insert(r, from + i, &moved[i]))
			mapping_give_back(r, &moved[i]);
	}
	free(moved);
}

static void mapping_replay_mremap(struct replay *r, const struct event *event)
{
	uint64_t old = event->u.mremap.address, to = event->u.mremap.result;
	uint64_t old_end = mapping_round(old, event->u.mremap.old_length);
	uint64_t new_end = mapping_round(to, event->u.mremap.new_length), kept;
	uint32_t at = mapping_find(r->of, old);
	struct mapping_piece piece = {0};

	if (old_end <= old || new_end <= to || to + (old_end - old) < to) /* a damaged log */
		return;
	if (at == r->of->count || r->of->rows[at].begin > old) { /* not anonymous, or not known */
		mapping_remove(r, to, new_end);
		return;
	}
	piece = r->of->rows[at];
	piece.inherited = false;
	piece.site = r->site;
	piece.begin = to;
	piece.end = new_end;
	if (event_mremap_flags(event) & MREMAP_DONTUNMAP) {
		mapping_add(r, &piece);
		return;
	}
	kept = old_end - old < new_end - to ? old_end - old : new_end - to;
	mapping_remove(r, old + kept, old_end);
	if (to != old)
		mapping_move(r, old, old + kept, to);
	piece.begin = to + kept;
	mapping_add(r, &piece);
}

static struct mappings *mappings_make(struct model *model, struct model_process *process)
{
	struct mappings *of = process->mappings;

	if (of)
		return of;
	of = process->mappings = calloc(1, sizeof *of);
	if (of)
		growth_begin(&of->growth, process->facts.start_ns, 0);
	else
		model->no_memory = true;
	return of;
}

/* A call about a range that has no piece is about a file, or about memory that was not recorded. */
static void mapping_note_last(struct mappings *of, const struct event *event)
{
	uint32_t at = mapping_find(of, event->u.range.address);

	of->last = 0;
	if (event->kind == KIND_MMAP && event_maps_anonymous(event))
		of->last = (uint8_t)(event_mapping_purpose(event) + 1);
	else if (event->kind != KIND_MMAP && at < of->count &&
		 of->rows[at].begin <= event->u.range.address)
		of->last = (uint8_t)(of->rows[at].purpose + 1);
}

void mappings_add_event(struct model *model, struct model_process *process,
			const struct event *event, uint32_t site)
{
	struct replay r = {model, mappings_make(model, process), site};
	uint64_t begin = event->u.range.address, before = r.of ? r.of->now_bytes : 0;

	if (!r.of)
		return;
	mapping_note_last(r.of, event);
	switch (event->kind) {
	case KIND_MMAP:
		mapping_replay_mmap(&r, event);
		break;
	case KIND_MUNMAP:
		mapping_replay_munmap(&r, event);
		break;
	case KIND_MREMAP:
		mapping_replay_mremap(&r, event);
		break;
	case KIND_MPROTECT:
		mapping_protect(&r, begin, mapping_round(begin, event->u.range.length),
				event->u.range.protection != PROT_NONE);
		break;
	default:
		break;
	}
	growth_add_move(&r.of->growth, event->time_ns, before, r.of->now_bytes);
}

void mappings_fork(struct model *model, struct model_process *child, const struct event *event)
{
	const struct model_process *parent = model_process(model, event->u.life.other);
	const struct mappings *from = parent ? parent->mappings : NULL;
	struct replay r = {model, NULL, HEAP_SITE_UNKNOWN};

	if (!from || parent == child || !from->count || child->mappings ||
	    model->inherited_pieces + from->count > INHERITED_MAX ||
	    !(r.of = mappings_make(model, child)) ||
	    !MODEL_RESERVE(model, r.of->rows, r.of->capacity, from->count))
		return;
	model->inherited_pieces += from->count;
	memcpy(r.of->rows, from->rows, from->count * sizeof *from->rows);
	r.of->count = from->count;
	for (uint32_t i = 0; i < r.of->count; i++) {
		r.of->rows[i].inherited = true;
		mapping_take(&r, &r.of->rows[i]);
	}
}

void mappings_drop(struct model_process *process)
{
	if (process->mappings)
		process->mappings->dropped = true;
}

void mappings_free(struct mappings *mappings)
{
	if (mappings)
		free(mappings->rows);
	free(mappings);
}

/* ---- conclusions ---- */

uint32_t mappings_arena_heaps(const struct mappings *mappings, bool own)
{
	uint64_t last = 0;
	uint32_t count = 0;

	for (uint32_t i = 0; mappings && i < mappings->count; i++) {
		uint64_t heap = mappings->rows[i].begin >> ARENA_HEAP_SHIFT;

		if (mappings->rows[i].purpose != MAPPED_ARENA || (count && heap == last) ||
		    (own && mappings->rows[i].inherited))
			continue;
		last = heap;
		count++;
	}
	return count;
}

static void mappings_charge(struct model *model, const struct mappings *of)
{
	for (uint32_t i = 0; i < of->count; i++) {
		const struct mapping_piece *piece = &of->rows[i];
		struct replay r = {model, NULL, 0};
		struct model_site *site = mapping_site(&r, piece);

		if (!piece->accessible || piece->inherited || piece->site == HEAP_SITE_HIDDEN)
			continue;
		*(site ? &site->kept_bytes : &model->sites.unknown_kept_bytes) += piece->end -
										  piece->begin;
	}
}

void mappings_finalize(struct model *model)
{
	for (uint32_t i = 0; i < model->sites.count; i++)
		model->sites.rows[i].peak_bytes += model->sites.rows[i].mapped_peak_bytes;
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (!process || !process->mappings || process->mappings->dropped ||
		    process->facts.state == STATE_EXEC ||
		    (model->sites.filter && !filter_process(model->sites.filter, process)))
			continue;
		mappings_charge(model, process->mappings);
	}
}
