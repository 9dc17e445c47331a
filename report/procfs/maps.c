/* SPDX-License-Identifier: MIT */
/*
 * smaps has every line of maps, each followed by lines of its own: "Rss:   16 kB". So a mapping is
 * complete when the line of the next one begins.
 */
#include "report/procfs/maps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 4352 /* the fields, and a path of PATH_MAX */

/* ---- one line ---- */

/* Reads one number and the character that ends it. */
static bool line_take_number(const char **at, int base, char end, uint64_t *number)
{
	char *after;

	*number = strtoull(*at, &after, base);
	if (after == *at || *after != end)
		return false;
	*at = after + 1;
	return true;
}

/* "start-end rw-p offset major:minor inode    name", without its newline. */
static bool line_parse_mapping(const char *line, struct mapping_facts *mapping)
{
	uint64_t device_major, device_minor;
	unsigned key;
	const char *at = line;

	*mapping = (struct mapping_facts){0};
	if (!line_take_number(&at, 16, '-', &mapping->start) ||
	    !line_take_number(&at, 16, ' ', &mapping->end) || strcspn(at, " ") != 4)
		return false;
	memcpy(mapping->perm, at, 4);
	at += 5;
	if (at[-1] != ' ' || !line_take_number(&at, 16, ' ', &mapping->offset) ||
	    !line_take_number(&at, 16, ':', &device_major) ||
	    !line_take_number(&at, 16, ' ', &device_minor) ||
	    !line_take_number(&at, 10, ' ', &mapping->inode))
		return false;
	mapping->device_major = (uint32_t)device_major;
	mapping->device_minor = (uint32_t)device_minor;
	mapping->name = at + strspn(at, " ");
	/* A file on a disk may have such a name; only the kernel's own mounts have major 0. */
	mapping->segment = device_major == 0 && mapping->inode <= INT32_MAX &&
			   sscanf(mapping->name, "/SYSV%8x", &key) == 1;
	mapping->key = mapping->segment ? key : 0;
	return true;
}

/* Rss does not count huge pages. */
static void line_parse_detail(const char *line, struct mapping_facts *mapping)
{
	static const char *const resident[] = {"Rss", "Shared_Hugetlb", "Private_Hugetlb"};
	unsigned long long kilobytes;
	char name[32];

	if (sscanf(line, "%31[^:]: %llu kB", name, &kilobytes) != 2)
		return;
	if (strcmp(name, "KernelPageSize") == 0) {
		mapping->page_bytes = kilobytes * 1024;
		mapping->pages_known = mapping->page_bytes > 0;
	}
	if (strcmp(name, "Swap") == 0)
		mapping->swapped_bytes = kilobytes * 1024;
	for (size_t i = 0; i < sizeof resident / sizeof *resident; i++)
		if (strcmp(name, resident[i]) == 0)
			mapping->resident_bytes += kilobytes * 1024;
}

bool mapping_is_heap(const struct mapping_facts *mapping)
{
	return strcmp(mapping->name, "[heap]") == 0;
}

/* ---- maps ---- */

static FILE *maps_open(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	return fopen(path, "re");
}

int maps_visit(pid_t pid, bool (*visit)(void *context, const struct mapping_facts *mapping),
	       void *context)
{
	struct mapping_facts mapping;
	char line[LINE_BYTES];
	bool goes_on = true;
	FILE *file = maps_open(pid, "maps");
	int error = 0;

	if (!file)
		return -errno;
	while (goes_on && (errno = 0, fgets(line, sizeof line, file))) {
		line[strcspn(line, "\n")] = '\0';
		if (line_parse_mapping(line, &mapping))
			goes_on = visit(context, &mapping);
	}
	if (goes_on && ferror(file))
		error = errno ? errno : EIO;
	fclose(file);
	return -error;
}

struct file_search {
	const char *suffix;
	bool found;
};

static bool search_file(void *context, const struct mapping_facts *mapping)
{
	static const char deleted[] = " (deleted)";
	struct file_search *search = context;
	size_t length = strlen(mapping->name), suffix = strlen(search->suffix);
	size_t mark = sizeof deleted - 1;

	if (length > mark && strcmp(mapping->name + length - mark, deleted) == 0)
		length -= mark;
	search->found = length >= suffix &&
			memcmp(mapping->name + length - suffix, search->suffix, suffix) == 0;
	return !search->found;
}

bool maps_has_file(pid_t pid, const char *suffix)
{
	struct file_search search = {suffix, false};

	maps_visit(pid, search_file, &search);
	return search.found;
}

/* ---- smaps ---- */

/* The text of a mapping's line is in `held` until the mapping is complete. */
struct smaps_reading {
	char *line, *held;
	size_t capacity, held_capacity;
	struct mapping_facts mapping;
	bool any;
};

static void smaps_swap_lines(struct smaps_reading *reading)
{
	char *line = reading->line;
	size_t capacity = reading->capacity;

	reading->line = reading->held;
	reading->capacity = reading->held_capacity;
	reading->held = line;
	reading->held_capacity = capacity;
}

static int smaps_read(FILE *file, void (*visit)(void *context, const struct mapping_facts *mapping),
		      void *context)
{
	struct smaps_reading reading = {0};
	struct mapping_facts next;
	int error;

	while (errno = 0, getline(&reading.line, &reading.capacity, file) > 0) {
		reading.line[strcspn(reading.line, "\n")] = '\0';
		if (!line_parse_mapping(reading.line, &next)) {
			line_parse_detail(reading.line, &reading.mapping);
			continue;
		}
		if (reading.any)
			visit(context, &reading.mapping);
		reading.mapping = next;
		reading.any = true;
		smaps_swap_lines(&reading);
	}
	error = errno;
	if (reading.any && !error)
		visit(context, &reading.mapping);
	free(reading.line);
	free(reading.held);
	return -error;
}

int maps_visit_pages(pid_t pid, void (*visit)(void *context, const struct mapping_facts *mapping),
		     void *context)
{
	FILE *file = maps_open(pid, "smaps");
	int ret;

	if (!file)
		file = maps_open(pid, "maps");
	if (!file)
		return -errno;
	ret = smaps_read(file, visit, context);
	fclose(file);
	return ret;
}
