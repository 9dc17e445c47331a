/* SPDX-License-Identifier: MIT */
#include "report/view/events_mappings.h"

#include <sys/mman.h>

#include "report/view/words.h"

static void mapping_comma(struct out *out)
{
	OUT(out, ", ");
}

static void mapping_put_address(struct out *out, uint64_t address)
{
	if (address)
		out_hex(out, address);
	else
		OUT(out, "NULL");
}

static void mapping_put_protection(struct out *out, uint64_t protection)
{
	if (protection == PROT_NONE)
		OUT(out, "PROT_NONE");
	else
		words_flags(out, (uint32_t)protection, words_protections, false);
}

static void mapping_text_mremap(struct out *out, const struct event *event)
{
	uint64_t asked;

	mapping_put_address(out, event->u.mremap.address);
	mapping_comma(out);
	out_number(out, event->u.mremap.old_length);
	mapping_comma(out);
	out_number(out, event->u.mremap.new_length);
	mapping_comma(out);
	words_flags(out, event_mremap_flags(event), words_mremap_flags, false);
	if (!event_mremap_asked(event, &asked))
		return;
	mapping_comma(out);
	mapping_put_address(out, asked);
}

void events_mappings_text(struct out *out, const struct event *event)
{
	switch (event->kind) {
	case KIND_MMAP:
		mapping_put_address(out, event->u.mmap.asked);
		mapping_comma(out);
		out_number(out, event->u.mmap.length);
		mapping_comma(out);
		mapping_put_protection(out, event->u.mmap.protection);
		mapping_comma(out);
		words_flags(out, event->u.mmap.flags, words_map_flags, false);
		break;
	case KIND_MREMAP:
		mapping_text_mremap(out, event);
		break;
	default:
		mapping_put_address(out, event->u.range.address);
		mapping_comma(out);
		out_number(out, event->u.range.length);
		if (event->kind != KIND_MPROTECT)
			break;
		mapping_comma(out);
		mapping_put_protection(out, event->u.range.protection);
	}
}

/* ---- JSON ---- */

static void mapping_json_address(struct out *out, uint64_t address)
{
	out_char(out, '"');
	out_hex(out, address);
	out_char(out, '"');
}

static void mapping_json_range(struct out *out, uint64_t address, uint64_t length)
{
	OUT(out, "{\"addr\":");
	mapping_json_address(out, address);
	OUT(out, ",\"length\":");
	out_number(out, length);
}

static void mapping_json_protection(struct out *out, uint64_t protection)
{
	OUT(out, ",\"prot\":");
	words_flags_json(out, (uint32_t)protection, words_protections, false);
	OUT(out, ",\"prot_raw\":");
	out_number(out, protection);
}

static void mapping_json_flags(struct out *out, uint32_t flags, const struct word *words)
{
	OUT(out, ",\"flags\":");
	words_flags_json(out, flags, words, false);
	OUT(out, ",\"flags_raw\":");
	out_number(out, flags);
}

static void mapping_json_mremap(struct out *out, const struct event *event)
{
	uint64_t asked;

	OUT(out, "{\"addr\":");
	mapping_json_address(out, event->u.mremap.address);
	OUT(out, ",\"old_length\":");
	out_number(out, event->u.mremap.old_length);
	OUT(out, ",\"new_length\":");
	out_number(out, event->u.mremap.new_length);
	mapping_json_flags(out, event_mremap_flags(event), words_mremap_flags);
	if (!event_mremap_asked(event, &asked))
		return;
	OUT(out, ",\"new_addr\":");
	mapping_json_address(out, asked);
}

void events_mappings_json(struct out *out, const struct event *event)
{
	switch (event->kind) {
	case KIND_MMAP:
		mapping_json_range(out, event->u.mmap.asked, event->u.mmap.length);
		mapping_json_protection(out, event->u.mmap.protection);
		mapping_json_flags(out, event->u.mmap.flags, words_map_flags);
		break;
	case KIND_MREMAP:
		mapping_json_mremap(out, event);
		break;
	default:
		mapping_json_range(out, event->u.range.address, event->u.range.length);
		if (event->kind == KIND_MPROTECT)
			mapping_json_protection(out, event->u.range.protection);
	}
	out_char(out, '}');
}

/* enum mapping_purpose + 1, or 0. */
static uint8_t mapping_purpose_of(const struct event_view *view)
{
	if (view->purpose || view->event->kind != KIND_MMAP)
		return view->purpose;
	return (uint8_t)(event_mapping_purpose(view->event) + 1);
}

const char *events_origin(const struct event_view *view)
{
	uint8_t purpose = mapping_purpose_of(view);

	if (view->event->kind <= KIND_SBRK)
		return view->event->flags & FLAG_MALLOC ? "malloc" : "direct";
	if (!event_is_of_mapping(view->event) || !purpose)
		return NULL;
	return purpose == MAPPED_STACK + 1    ? "stack"
	       : purpose == MAPPED_DIRECT + 1 ? "direct"
					      : "malloc";
}

const char *events_area(const struct event_view *view)
{
	uint8_t purpose = event_is_of_mapping(view->event) ? mapping_purpose_of(view) : 0;

	return purpose == MAPPED_ARENA + 1 ? "arena" : purpose == MAPPED_BLOCK + 1 ? "block" : NULL;
}
