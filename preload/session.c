/* SPDX-License-Identifier: MIT */
/*
 * Joining and making. Many first programs may start at once: each makes a segment under a name of
 * its own, one of them gets the real name, and the others join it.
 */
#include "session.h"

#include <time.h>

#include "segment/place.h"

#define TRIES 200 /* of 1 ms: a creator that was slow to take its first name away again */

static bool is_path(const char *session)
{
	for (; *session; session++)
		if (*session == '/')
			return true;
	return false;
}

static void pause_1ms(void)
{
	struct timespec ts = {0, 1000000};

	raw_call3(SYS_nanosleep, (long)&ts, 0, 0);
}

/* A named session's file, its folder made. */
static bool find_place(const struct settings *settings, char *path)
{
	return place_folder(path, settings->folder, settings->runtime_folder,
			    settings->tmp_folder) >= 0 &&
	       place_append(path, "/") && place_append(path, settings->session) &&
	       place_append(path, ".seg");
}

static struct segment_header *make(const struct settings *settings, const char *path, int *why)
{
	struct place_wish wish = {
		.log_bytes = settings->log_bytes,
		.stack_depth = settings->stack_depth,
		.session = settings->session,
	};
	struct segment_header *header = place_create(path, &wish, why);

	if (header)
		shim.mapped_bytes = header->total_bytes;
	return header;
}

/* From before the last start of the machine: nobody can be in it any more. */
static bool is_stale(const struct segment_header *header)
{
	char boot_id[sizeof header->boot_id];

	if (place_read_file("/proc/sys/kernel/random/boot_id", boot_id, sizeof boot_id - 2) < 36)
		return false;
	return memcmp(boot_id, header->boot_id, 36) != 0;
}

static struct segment_header *join_or_make(const struct settings *settings, const char *path)
{
	bool named = !is_path(settings->session);

	for (int i = 0; i < TRIES; i++) {
		int why = 0;
		struct segment_header *header = place_join(path, &shim.mapped_bytes, &why);

		if (header && named && is_stale(header)) {
			raw_call3(SYS_munmap, (long)header, (long)shim.mapped_bytes, 0);
			raw_call3(SYS_unlinkat, AT_FDCWD, (long)path, 0);
			header = NULL;
			why = -ENOENT;
		}
		if (!header && why == -ENOENT && named)
			header = make(settings, path, &why);
		if (header || (why != -EEXIST && why != -EMLINK && why != -EAGAIN))
			return header;
		pause_1ms();
	}
	return NULL;
}

bool session_join(const struct settings *settings)
{
	char named[PLACE_PATH_BYTES];
	const char *path = settings->session;
	struct segment_header *header;

	if (!is_path(path)) {
		if (!find_place(settings, named))
			return false;
		path = named;
	}
	header = join_or_make(settings, path);
	if (!header)
		return false;
	shim.header = header;
	shim.shared = shim_region(REGION_SHARED);
	if (word_load(&shim.shared->closed))
		return false;
	shim.clock = header->clock;
	shim.part_events = header->part_events;
	shim.part_count = header->part_count;
	if (shim.mapped_bytes >= header->total_bytes) {
		shim.parts = shim_region(REGION_PARTS);
		shim.log = shim_region(REGION_LOG);
	}
	return true;
}
