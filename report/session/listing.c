/* SPDX-License-Identifier: MIT */
#include "report/session/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/reader/tables.h"
#include "report/session/find.h"
#include "report/util/array.h"
#include "report/util/error.h"

static void count_process(void *count, const struct process_facts *facts)
{
	uint64_t *highest = count;

	/* Instances are numbered from 1 on, so the highest is their count. */
	if (facts->instance > *highest)
		*highest = facts->instance;
}

static struct session_row *listing_add(struct listing *listing)
{
	struct session_row *row;

	if (!ARRAY_RESERVE(listing->rows, listing->capacity, listing->count + 1))
		return NULL;
	row = calloc(1, sizeof *row);
	if (row)
		listing->rows[listing->count++] = row;
	return row;
}

static bool listing_is_listed(const struct listing *listing, const struct session_facts *facts)
{
	for (unsigned i = 0; i < listing->count; i++)
		if (listing->rows[i]->facts.started_realtime_ns == facts->started_realtime_ns &&
		    strcmp(listing->rows[i]->facts.name, facts->name) == 0)
			return true;
	return false;
}

static void add_session(struct listing *listing, struct source *source, const char *path)
{
	struct session_row *row = listing_add(listing);
	struct facts_visitor visitor = {.process = count_process};

	listing->no_memory |= !row;
	if (!row)
		return;
	row->facts = *source_session(source);
	row->bytes = source_bytes(source);
	row->event_count = source_event_count(source);
	snprintf(row->path, sizeof row->path, "%s", path);
	visitor.context = &row->process_count;
	tables_read_processes(source, &visitor);
}

/* Reports a file or folder that cannot be read on standard error. */
static void listing_add_refusal(void *context, const char *path, const char *why)
{
	struct listing *listing = context;

	listing->refused++;
	if (!listing->quiet)
		error_line(path, why);
}

static bool listing_add_file(void *context, const char *path)
{
	struct listing *listing = context;
	char why[SOURCE_WHY_BYTES];
	bool foreign;
	struct source *source = source_try_own(path, &foreign, why);

	if (!source && foreign)
		listing_add_refusal(listing, path, why);
	else if (!source && !listing->quiet)
		error_line(path, why);
	if (source && !listing_is_listed(listing, source_session(source)))
		add_session(listing, source, path);
	source_close(source);
	return listing->no_memory;
}

static int listing_by_start(const void *a, const void *b)
{
	const struct session_row *left = *(struct session_row *const *)a;
	const struct session_row *right = *(struct session_row *const *)b;

	return session_compare(&left->facts, &right->facts);
}

void listing_make(struct listing *listing, bool quiet)
{
	struct find_visitor visitor = {listing_add_file, listing_add_refusal, listing};

	*listing = (struct listing){.quiet = quiet};
	find_each(&visitor);
	if (access(FIND_RECORDING, F_OK) == 0)
		listing_add_file(listing, FIND_RECORDING);
	if (listing->count)
		qsort(listing->rows, listing->count, sizeof *listing->rows, listing_by_start);
}

void listing_free(struct listing *listing)
{
	for (unsigned i = 0; i < listing->count; i++)
		free(listing->rows[i]);
	free(listing->rows);
	*listing = (struct listing){0};
}
