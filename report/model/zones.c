/* SPDX-License-Identifier: MIT */
#include "report/model/zones.h"

#include <stdlib.h>
#include <string.h>

#include "report/util/array.h"

struct zones *zones_make(const struct zones_process *process)
{
	struct zones *zones = calloc(1, sizeof *zones);

	if (zones)
		zones->process = *process;
	return zones;
}

void zones_free(struct zones *zones)
{
	for (uint32_t i = 0; zones && i < zones->count; i++) {
		free(zones->zones[i].name);
		free(zones->zones[i].holders);
	}
	if (zones) {
		free(zones->zones);
		free(zones->attached);
		free(zones->uses);
	}
	free(zones);
}

/* ---- mappings ---- */

/* Adds a zone at the end. Without memory: null, and it sets no_memory. */
static struct zone *add_zone(struct zones *zones)
{
	struct zone *zone;

	if (!ARRAY_RESERVE(zones->zones, zones->capacity, zones->count + 1)) {
		zones->no_memory = true;
		return NULL;
	}
	zone = &zones->zones[zones->count++];
	*zone = (struct zone){.shmid = -1, .page_bytes = zones->process.page_bytes};
	return zone;
}

static void set_name(struct zones *zones, struct zone *zone, const char *name)
{
	if (!name[0])
		return;
	zone->name = strdup(name);
	zones->no_memory |= !zone->name;
}

static bool zone_begins(const char *text, const char *with)
{
	return text && strncmp(text, with, strlen(with)) == 0;
}

/* The kind, as far as the mapping alone tells it. */
static enum zone_kind kind_of(const struct zones *zones, const struct mapping_facts *facts)
{
	static const char *const kernel[] = {"[vdso]",    "[vvar",     "[vsyscall]",
					     "[uprobes]", "[sigpage]", "[vectors]"};

	for (size_t i = 0; i < sizeof kernel / sizeof *kernel; i++)
		if (zone_begins(facts->name, kernel[i]))
			return ZONE_KERNEL;
	if (facts->segment)
		return ZONE_ATTACHMENT;
	if (strcmp(facts->name, "[heap]") == 0)
		return ZONE_HEAP;
	if (zone_begins(facts->name, "[stack"))
		return ZONE_STACK;
	if (facts->name[0] != '/' || strcmp(facts->name, "/dev/zero (deleted)") == 0)
		return ZONE_ANONYMOUS;
	if (strcmp(facts->name, zones->process.exe) == 0)
		return facts->perm[2] == 'x'   ? ZONE_TEXT
		       : facts->perm[1] == 'w' ? ZONE_DATA
					       : ZONE_RODATA;
	return facts->perm[2] == 'x' ? ZONE_LIBRARY : ZONE_FILE;
}

/*
 * The kernel gives /proc/PID/maps page by page. The next page begins with the mapping that ends
 * above the last address: a heap that has grown in between comes again, with its new end.
 */
static void zones_drop_repeated(struct zones *zones, uint64_t start)
{
	struct zone *last = zones->count ? &zones->zones[zones->count - 1] : NULL;

	if (!last || last->start != start)
		return;
	free(last->name);
	zones->count--;
}

void zones_add_mapping(struct zones *zones, const struct mapping_facts *facts)
{
	struct zone *zone;

	zones_drop_repeated(zones, facts->start);
	zone = add_zone(zones);
	if (!zone)
		return;
	zone->kind = kind_of(zones, facts);
	zone->start = facts->start;
	zone->end = facts->end;
	memcpy(zone->perm, facts->perm, sizeof zone->perm);
	zone->pages_known = facts->pages_known;
	if (facts->pages_known)
		zone->page_bytes = facts->page_bytes;
	zone->resident_bytes = facts->resident_bytes;
	zone->swapped_bytes = facts->swapped_bytes;
	set_name(zones, zone, facts->name);
	zone->readonly = facts->perm[1] != 'w';
	if (!facts->segment)
		return;
	zone->shmid = (int32_t)facts->inode;
	zone->key = facts->key;
	zone->key_known = true;
}

/* ---- what only the neighbours tell ---- */

static bool same_name(const struct zone *a, const struct zone *b)
{
	return a->name && b->name && strcmp(a->name, b->name) == 0;
}

/* All adjacent mappings of a file that has code are one library. */
static void spread_library(struct zones *zones, uint32_t code)
{
	struct zone *at = zones->zones;

	for (uint32_t i = code; i-- > 0 && (same_name(&at[i], &at[code]) || !at[i].name);)
		if (at[i].kind == ZONE_FILE)
			at[i].kind = ZONE_LIBRARY;
	for (uint32_t i = code + 1;
	     i < zones->count && (same_name(&at[i], &at[code]) || !at[i].name); i++)
		if (at[i].kind == ZONE_FILE)
			at[i].kind = ZONE_LIBRARY;
}

/* Whether it continues the program's data with zeros. */
static bool is_bss(const struct zone *before, const struct zone *zone)
{
	return zone->kind == ZONE_ANONYMOUS && !zone->name &&
	       (before->kind == ZONE_DATA || before->kind == ZONE_BSS) &&
	       before->end == zone->start && before->perm[1] == 'w';
}

static void finalize_kinds(struct zones *zones)
{
	for (uint32_t i = 0; i < zones->count; i++) {
		struct zone *zone = &zones->zones[i];

		if (zone->kind == ZONE_LIBRARY && zone->perm[2] == 'x')
			spread_library(zones, i);
		else if (i > 0 && is_bss(zone - 1, zone))
			zone->kind = ZONE_BSS;
	}
}

/* ---- the break ---- */

static uint64_t zone_page_up(const struct zones *zones, uint64_t address)
{
	uint64_t page = zones->process.page_bytes;

	return page ? (address + page - 1) / page * page : address;
}

static uint64_t heap_end(const struct zones *zones)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < zones->count; i++)
		if (zones->zones[i].kind == ZONE_HEAP)
			end = zones->zones[i].end;
	return end;
}

/* The kernel's maps round the break up to a page. The shim's exact value is used where it fits. */
static void finalize_break(struct zones *zones)
{
	struct zones_process *process = &zones->process;
	uint64_t end = heap_end(zones);

	if (end && zone_page_up(zones, process->break_current) != end)
		process->break_current = end;
	else if (!end && process->live)
		process->break_current = process->break_initial;
	if (process->break_peak && process->break_peak < process->break_current)
		process->break_peak = process->break_current;
}

/* The first zone that ends above an address; null when there is none. */
static const struct zone *zone_above(const struct zones *zones, uint64_t address)
{
	for (uint32_t i = 0; i < zones->count; i++)
		if (zones->zones[i].end > address)
			return &zones->zones[i];
	return NULL;
}

static int zone_by_start(const void *a, const void *b)
{
	const struct zone *left = a, *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

/* The free range above the break is a zone of its own: the heap may grow into it. */
static void finalize_headroom(struct zones *zones)
{
	uint64_t edge = zone_page_up(zones, zones->process.break_current);
	const struct zone *above = zone_above(zones, edge);
	uint64_t end = above ? above->start : 0;
	struct zone *unused;

	if (!zones->process.break_current || !above || end < edge)
		return;
	zones->headroom_known = zones->process.live;
	zones->headroom_at_most = !zones->process.live;
	zones->headroom_bytes = end - zones->process.break_current;
	if (!zones->process.live || end == edge || !(unused = add_zone(zones)))
		return;
	unused->kind = ZONE_UNUSED;
	unused->start = edge;
	unused->end = end;
	unused->pages_known = true;
}

static int by_shmid(const void *a, const void *b, void *context)
{
	const struct zone *at = context;
	int32_t left = at[*(const uint32_t *)a].shmid, right = at[*(const uint32_t *)b].shmid;

	return left < right ? -1 : left > right;
}

static void index_attachments(struct zones *zones)
{
	zones->attached = calloc((size_t)zones->count + 1, sizeof *zones->attached);
	zones->no_memory |= !zones->attached;
	for (uint32_t i = 0; zones->attached && i < zones->count; i++)
		if (zones->zones[i].kind == ZONE_ATTACHMENT)
			zones->attached[zones->attached_count++] = i;
	if (zones->attached_count)
		qsort_r(zones->attached, zones->attached_count, sizeof *zones->attached, by_shmid,
			zones->zones);
}

void zones_finalize(struct zones *zones)
{
	if (zones->count)
		qsort(zones->zones, zones->count, sizeof *zones->zones, zone_by_start);
	finalize_kinds(zones);
	finalize_break(zones);
	finalize_headroom(zones);
	if (zones->count)
		qsort(zones->zones, zones->count, sizeof *zones->zones, zone_by_start);
	index_attachments(zones);
}

/* ---- segments and holders ---- */

/* The index of the first attachment with this shmid or a higher one. */
static uint32_t zone_find_attached(const struct zones *zones, int32_t shmid)
{
	uint32_t low = 0, high = zones->attached_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (zones->zones[zones->attached[middle]].shmid < shmid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * The next attachment of one segment; null after the last. `i` begins as the result of
 * zone_find_attached.
 */
static struct zone *next_attached(const struct zones *zones, int32_t shmid, uint32_t *i)
{
	struct zone *zone = *i < zones->attached_count ? &zones->zones[zones->attached[*i]] : NULL;

	(*i)++;
	return zone && zone->shmid == shmid ? zone : NULL;
}

uint32_t zones_of_segment(const struct zones *zones, int32_t shmid)
{
	uint32_t i = zone_find_attached(zones, shmid), count = 0;

	while (next_attached(zones, shmid, &i))
		count++;
	return count;
}

void zones_add_segment(struct zones *zones, const struct kernel_segment *segment)
{
	uint32_t i = zone_find_attached(zones, segment->shmid);
	struct zone *zone;

	while ((zone = next_attached(zones, segment->shmid, &i))) {
		zone->listed = zone->size_known = true;
		zone->segment = *segment;
		zone->size = segment->size;
	}
}

static void zone_add_holder(struct zones *zones, struct zone *zone,
			    const struct zone_holder *holder)
{
	if (ARRAY_RESERVE(zone->holders, zone->holder_capacity, zone->holder_count + 1))
		zone->holders[zone->holder_count++] = *holder;
	else
		zones->no_memory = true;
}

void zones_add_holder(struct zones *zones, int32_t shmid, const struct zone_holder *holder)
{
	uint32_t i = zone_find_attached(zones, shmid);
	struct zone *zone;

	if (holder->pid == zones->process.pid)
		return;
	while ((zone = next_attached(zones, shmid, &i)))
		zone_add_holder(zones, zone, holder);
}

/* ---- two samples ---- */

/* A zone whose address may change: there is one of each kind. */
static const struct zone *find_moving(const struct zones *zones, const struct zone *zone)
{
	for (uint32_t i = zones->count; i > 0; i--) {
		const struct zone *old = &zones->zones[i - 1];

		if (old->kind == zone->kind && (old->end == zone->end || old->kind == ZONE_UNUSED))
			return old;
	}
	return NULL;
}

const struct zone *zones_before(const struct zones *before, const struct zone *zone)
{
	const struct zone *old;

	if (zone->kind == ZONE_UNUSED || zone->kind == ZONE_STACK)
		return find_moving(before, zone);
	old = before->count
		      ? bsearch(zone, before->zones, before->count, sizeof *zone, zone_by_start)
		      : NULL;
	return old && old->kind == zone->kind && old->shmid == zone->shmid ? old : NULL;
}

const char *zone_kind_name(enum zone_kind kind)
{
	static const char *const names[] = {
#define ZONE_KIND(id, name, meaning) [ZONE_##id] = name,
#include "report/model/zone_kinds.def"
#undef ZONE_KIND
	};

	return names[kind];
}

/* ---- sets and queues ---- */

/* Null without memory. */
static struct zone_use *zone_use_of(struct zones *zones, enum object_kind kind, int32_t id)
{
	for (uint32_t i = 0; i < zones->use_count; i++)
		if (zones->uses[i].kind == kind && zones->uses[i].id == id)
			return &zones->uses[i];
	if (!ARRAY_RESERVE(zones->uses, zones->use_capacity, zones->use_count + 1)) {
		zones->no_memory = true;
		return NULL;
	}
	zones->uses[zones->use_count] = (struct zone_use){.kind = kind, .id = id};
	return &zones->uses[zones->use_count++];
}

void zones_add_use(struct zones *zones, const struct use_facts *facts)
{
	struct zone_use *use = zone_use_of(zones, facts->kind, facts->id);

	if (!use)
		return;
	use->operations += facts->operations;
	use->received += facts->received;
}

void zones_add_wait(struct zones *zones, const struct wait_facts *facts)
{
	struct zone_use *use = zone_use_of(zones, facts->kind, facts->id);

	if (!use || use->waits)
		return;
	use->waits = true;
	use->wait = *facts;
}
