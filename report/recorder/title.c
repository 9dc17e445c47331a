/* SPDX-License-Identifier: MIT */
#include "report/recorder/title.h"

#include <string.h>

#include "report/procfs/proc.h"
#include "report/recorder/drain.h"
#include "report/recorder/drain_struct.h"
#include "report/recorder/slots.h"

/* Joins the words by spaces. Servers fill the rest of their arguments with NULs or spaces. */
static size_t title_join(char *text, size_t length)
{
	while (length > 0 && (text[length - 1] == '\0' || text[length - 1] == ' '))
		length--;
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	text[length] = '\0';
	return length;
}

/*
 * A program that splits an argument, or hides a password, changes letters in place: the length
 * stays. Of a long command line the slot has the beginning only.
 */
static bool title_is_new(size_t length, const struct segment_process *slot)
{
	char first[sizeof slot->cmdline];

	memcpy(first, slot->cmdline, sizeof first);
	return length > 0 && length < sizeof first - 1 &&
	       length != title_join(first, strnlen(first, sizeof first - 1));
}

/* The process may have called execve(2), and its next image not yet have registered. */
static bool title_is_of_image(const struct watched *w)
{
	struct proc_facts facts;

	return w->image.start_break && proc_facts(w->pid, &facts) &&
	       facts.start_time == w->identity.start_time &&
	       facts.start_break == w->image.start_break;
}

static uint64_t title_hash(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash | 1;
}

void title_keep(struct drain *drain, struct watched *w)
{
	const struct segment_process *slot = drain_slot(drain, w->image.slot);
	struct segment_title row = {.instance = w->instance};
	char text[2 * sizeof slot->cmdline];
	ssize_t length = proc_read(w->pid, "cmdline", text, sizeof text);
	uint64_t hash;

	if (length <= 0 || slot->instance != w->instance ||
	    !title_is_new(title_join(text, (size_t)length), slot))
		return;
	hash = title_hash(text);
	if (hash == w->title_hash || !title_is_of_image(w))
		return;
	w->title_hash = hash;
	/* Databases change their titles with each query: rows after 1, 2, 4 ... changes. */
	w->title_changes++;
	if ((w->title_changes & (w->title_changes - 1)) != 0)
		return;
	memcpy(row.text, text, strnlen(text, sizeof row.text - 1));
	drain_append(drain, REGION_TITLES, &row, sizeof row, 1);
}
