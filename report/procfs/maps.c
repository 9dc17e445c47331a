/* SPDX-License-Identifier: MIT */
/*
 * smaps has every line of maps, each followed by lines of its own: "Rss:   16 kB". So one file
 * tells all, and a mapping is complete when the next one begins.
 */
#include "report/procfs/maps.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "start-end rw-p offset major:minor inode    name" */
static bool parse_mapping(const char *line, struct mapping_facts *facts)
{
	unsigned long long start, end, offset, inode;
	unsigned device_major, device_minor, key;
	int name = 0;

	*facts = (struct mapping_facts){0};
	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, facts->perm, &offset,
		   &device_major, &device_minor, &inode, &name) < 7)
		return false;
	facts->start = start;
	facts->end = end;
	facts->offset = offset;
	facts->inode = inode;
	facts->name = line + name;
	/* Such a name on a disk is a file's: the kernel's own mounts have no major number. */
	facts->segment = device_major == 0 && inode <= INT32_MAX &&
			 sscanf(facts->name, "/SYSV%8x", &key) == 1;
	facts->key = facts->segment ? key : 0;
	return true;
}

/* Huge pages are in no Rss. */
static void parse_detail(const char *line, struct mapping_facts *facts)
{
	static const char *const resident[] = {"Rss", "Shared_Hugetlb", "Private_Hugetlb"};
	unsigned long long kilobytes;
	char name[32];

	if (sscanf(line, "%31[^:]: %llu kB", name, &kilobytes) != 2)
		return;
	if (strcmp(name, "KernelPageSize") == 0) {
		facts->page_bytes = kilobytes * 1024;
		facts->pages_known = facts->page_bytes > 0;
	}
	if (strcmp(name, "Swap") == 0)
		facts->swapped_bytes = kilobytes * 1024;
	for (size_t i = 0; i < sizeof resident / sizeof *resident; i++)
		if (strcmp(name, resident[i]) == 0)
			facts->resident_bytes += kilobytes * 1024;
}

/* A line's text is kept in `held` until the mapping is complete. */
struct reading {
	char *line, *held;
	size_t capacity, held_capacity;
	struct mapping_facts facts;
	bool any;
};

static void swap_lines(struct reading *reading)
{
	char *line = reading->line;
	size_t capacity = reading->capacity;

	reading->line = reading->held;
	reading->capacity = reading->held_capacity;
	reading->held = line;
	reading->held_capacity = capacity;
}

static int maps_read_all(FILE *file, void (*take)(void *context, const struct mapping_facts *facts),
			 void *context)
{
	struct reading reading = {0};
	struct mapping_facts next;
	int error;

	while (errno = 0, getline(&reading.line, &reading.capacity, file) > 0) {
		reading.line[strcspn(reading.line, "\n")] = '\0';
		if (!parse_mapping(reading.line, &next)) {
			parse_detail(reading.line, &reading.facts);
			continue;
		}
		if (reading.any)
			take(context, &reading.facts);
		reading.facts = next;
		reading.any = true;
		swap_lines(&reading);
	}
	error = errno;
	if (reading.any && !error)
		take(context, &reading.facts);
	free(reading.line);
	free(reading.held);
	return -error;
}

static FILE *open_one(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
	return fopen(path, "re");
}

int maps_each(pid_t pid, void (*take)(void *context, const struct mapping_facts *facts),
	      void *context)
{
	FILE *file = open_one(pid, "smaps");
	int ret;

	if (!file)
		file = open_one(pid, "maps");
	if (!file)
		return -errno;
	ret = maps_read_all(file, take, context);
	fclose(file);
	return ret;
}

bool maps_exe(pid_t pid, char *path, size_t bytes)
{
	char name[64];
	ssize_t length;

	snprintf(name, sizeof name, "/proc/%ld/exe", (long)pid);
	length = readlink(name, path, bytes - 1);
	path[length > 0 ? length : 0] = '\0';
	return length > 0;
}

bool maps_same_ipc(pid_t a, pid_t b)
{
	char name[64];
	struct stat of_a, of_b;

	snprintf(name, sizeof name, "/proc/%ld/ns/ipc", (long)a);
	if (stat(name, &of_a) != 0)
		return false;
	snprintf(name, sizeof name, "/proc/%ld/ns/ipc", (long)b);
	return stat(name, &of_b) == 0 && of_a.st_ino == of_b.st_ino && of_a.st_dev == of_b.st_dev;
}
