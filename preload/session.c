/* SPDX-License-Identifier: MIT */
/*
 * Joining and making. Many first programs may start at once: each makes a segment under a name of
 * its own, one of them gets the real name, and the others join it.
 */
#include "session.h"

#include <time.h>

#include "common/join.h"
#include "common/make.h"
#include "common/place.h"

#define TRIES 200 /* of 1 ms: a creator that was slow to take its first name away again */

static bool is_path(const char *session)
{
	for (; *session; session++)
		if (*session == '/')
			return true;
	return false;
}

static const char *last_part(const char *path)
{
	const char *last = path;

	for (; *path; path++)
		if (*path == '/')
			last = path + 1;
	return last;
}

/*
 * A recorder's own session is over when its file is gone: nobody makes it anew. Nor does anybody
 * learn its name after the machine was started again.
 */
static bool is_recorders(const char *session)
{
	static const char prefix[] = "record-";

	return is_path(session) && memcmp(last_part(session), prefix, sizeof prefix - 1) == 0;
}

static void pause_1ms(void)
{
	struct timespec ts = {0, 1000000};

	raw_call3(SYS_nanosleep, (long)&ts, 0, 0);
}

/*
 * A named session's file. Its folder is looked at only when the file is not there: a path costs a
 * tenth of what a process's start may, and the file's own owner and mode are checked in any case.
 */
static bool find_place(const struct settings *settings, char *path, bool make_folder)
{
	path[0] = '\0';
	if (is_path(settings->session))
		return place_append(path, settings->session);
	if (make_folder) {
		if (place_folder(path, settings->folder, settings->runtime_folder,
				 settings->tmp_folder) < 0)
			return false;
	} else if (settings->folder && *settings->folder) {
		if (!place_append(path, settings->folder))
			return false;
	} else {
		place_append(path, "/dev/shm/memshim-");
		place_append_number(path, (uint64_t)raw_call3(SYS_geteuid, 0, 0, 0));
	}
	return place_append(path, "/") && place_append(path, settings->session) &&
	       place_append(path, ".seg");
}

/* On one page: each that is touched costs a process's start 2 us. */
static struct segment_header joined __attribute__((aligned(SEGMENT_HEADER_BYTES)));

/* Both give the mapping, and leave a checked copy of its header in `joined`. */
static void *join(const char *path, int *why)
{
	return place_join(path, &joined, &shim.mapped_bytes, why);
}

/* The last part of a path, without its ".seg". */
static void learn_name(const char *path, char name[64])
{
	const char *from = last_part(path);
	size_t length = 0;

	for (; length < 63 && from[length]; length++)
		name[length] = from[length];
	if (length > 4 && memcmp(name + length - 4, ".seg", 4) == 0)
		length -= 4;
	name[length] = '\0';
}

static void *make(const struct settings *settings, const char *path, int *why)
{
	char name[64];
	struct place_wish wish = {
		.log_bytes = settings->log_bytes,
		.stack_depth = settings->stack_depth,
		.session = name,
	};
	struct segment_header *header;

	learn_name(path, name);
	header = place_create(path, &wish, why);

	if (!header)
		return NULL;
	shim.mapped_bytes = header->total_bytes;
	*why = place_take_header(header, shim.mapped_bytes, shim.mapped_bytes, &joined);
	return *why == 0 ? header : NULL;
}

/*
 * From before the last start of the machine: nobody can be in it any more. On tmpfs, where it
 * belongs, that cannot be.
 */
static bool is_stale(const char *path)
{
	char boot_id[sizeof joined.boot_id];
	struct statfs fs;

	if (raw_call3(SYS_statfs, (long)path, (long)&fs, 0) != 0 || fs.f_type == TMPFS_MAGIC)
		return false;
	if (place_read_file("/proc/sys/kernel/random/boot_id", boot_id, PLACE_BOOT_ID_BYTES) < 36)
		return false;
	return memcmp(boot_id, joined.boot_id, 36) != 0;
}

static void remove_stale(const char *path, void *base)
{
	raw_call3(SYS_munmap, (long)base, (long)shim.mapped_bytes, 0);
	raw_call3(SYS_unlinkat, AT_FDCWD, (long)path, 0);
}

/* Joins a session, and makes it where it is missing. */
static void *join_or_make(const struct settings *settings)
{
	char path[PLACE_PATH_BYTES];
	bool make_folder = false;

	for (int i = 0; i < TRIES; i++) {
		void *base;
		int why = 0;

		if (!find_place(settings, path, make_folder))
			return NULL;
		base = join(path, &why);
		if (base && !is_recorders(settings->session) && is_stale(path)) {
			remove_stale(path, base);
			base = NULL;
			why = -ENOENT;
		}
		if (!base && why == -ENOENT && is_recorders(settings->session))
			return NULL;
		if (!base && why == -ENOENT && make_folder)
			base = make(settings, path, &why);
		if (base || (why != -ENOENT && why != -EEXIST && why != -EMLINK && why != -EAGAIN))
			return base;
		if (make_folder)
			pause_1ms();
		make_folder = true;
	}
	return NULL;
}

bool session_join(const struct settings *settings)
{
	void *base = join_or_make(settings);

	if (!base)
		return false;
	shim.base = base;
	shim.header = &joined;
	shim.shared = shim_region(REGION_SHARED);
	if (word_load(&shim.shared->closed))
		return false;
	shim.clock = joined.clock;
	shim.part_events = joined.part_events;
	shim.part_count = joined.part_count;
	shim.ledger = shim_region(REGION_LEDGER);
	shim.ledger_count = joined.region[REGION_LEDGER].count;
	if (shim.mapped_bytes >= joined.total_bytes) {
		shim.parts = shim_region(REGION_PARTS);
		shim.log = shim_region(REGION_LOG);
	}
	return true;
}
