/* SPDX-License-Identifier: MIT */
/*
 * scribble WHAT...: a hostile process of a session. Does each WHAT in turn, prints "done", and
 * waits for the end of its standard input.
 *
 *   holes     removes all pages of the segment (MADV_REMOVE)
 *   closed    sets the flag that the recorder has finished
 *   images N  announces N more images in its own slot, one after the other, with unused numbers
 *   above N   the same, with numbers above the counter
 *   uid       writes another uid into its slot
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../../preload/segment/layout.h"

static char *base;
static size_t length;

static void find_segment(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	char line[512], mode[8];

	while (maps && fgets(line, sizeof line, maps))
		if (strstr(line, ".seg") && sscanf(line, "%lx-%lx %7s", &start, &end, mode) == 3 &&
		    strcmp(mode, "rw-s") == 0) {
			base = base ? base : (char *)start;
			length = (size_t)((char *)end - base);
		}
	if (maps)
		fclose(maps);
}

static struct segment_shared *shared(void)
{
	return (struct segment_shared *)(base + SEGMENT_HEADER_BYTES);
}

static void *region(enum segment_region_kind kind)
{
	return base + ((struct segment_header *)base)->region[kind].offset;
}

static uint64_t own_slot(void)
{
	_Atomic uint64_t *word = region(REGION_INDEX);
	uint64_t i = 0;

	while (word[i] >> 32 != (uint64_t)getpid())
		i++;
	return i;
}

/* The recorder polls at most every 250 us. */
static void announce(int count, uint32_t first, int raise)
{
	_Atomic uint64_t *word = (_Atomic uint64_t *)region(REGION_INDEX) + own_slot();
	struct timespec pause = {.tv_nsec = 100000};

	for (int i = 0; i < count; i++) {
		if (raise)
			shared()->next_instance = first + (uint32_t)i;
		*word = (uint64_t)getpid() << 32 | (first + (uint32_t)i);
		shared()->registered++;
		nanosleep(&pause, NULL);
	}
}

int main(int argc, char **argv)
{
	find_segment();
	if (!base)
		return 2;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "holes") == 0 && madvise(base, length, MADV_REMOVE) != 0)
			return 3;
		if (strcmp(argv[i], "closed") == 0)
			shared()->closed = 1;
		if (strcmp(argv[i], "images") == 0 && i + 1 < argc)
			announce(atoi(argv[++i]), shared()->next_instance + 1, 1);
		else if (strcmp(argv[i], "above") == 0 && i + 1 < argc)
			announce(atoi(argv[++i]), shared()->next_instance + 1000, 0);
		else if (strcmp(argv[i], "uid") == 0)
			((struct segment_process *)region(REGION_PROCESSES))[own_slot()].uid = 4711;
	}
	puts("done");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
