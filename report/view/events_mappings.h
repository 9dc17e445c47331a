/* SPDX-License-Identifier: MIT */
/* The arguments of mmap, munmap, mremap and mprotect, for the text, JSON and CSV views. */
#ifndef MEMSHIM_VIEW_EVENTS_MAPPINGS_H
#define MEMSHIM_VIEW_EVENTS_MAPPINGS_H

#include "report/view/events.h"
#include "report/view/out.h"

/* "0x7f0000000000, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS" */
void events_mappings_text(struct out *out, const struct event *event);

/* The object `args`. */
void events_mappings_json(struct out *out, const struct event *event);

/* "malloc", "stack" or "direct": of brk, sbrk and calls that map memory; null where not known. */
const char *events_origin(const struct event_view *view);

/* "arena" or "block": of malloc's mappings; null for all else. */
const char *events_area(const struct event_view *view);

#endif
