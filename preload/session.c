/* SPDX-License-Identifier: MIT */
/*
 * Joins or creates the session. Many first programs may start at once: each creates a segment under
 * a name of its own, one of them renames it to the final name, and the others join that one.
 */
#include "session.h"

#include <time.h>

#include "common/folder.h"
#include "common/join.h"
#include "common/make.h"
#include "peer_socket.h"
#include "shim.h"

#define TRIES 200 /* of 1 ms each: a creator may be slow to remove its temporary name */

static bool session_is_path(const char *session)
{
	for (; *session; session++)
		if (*session == '/')
			return true;
	return false;
}

static const char *session_file_name(const char *path)
{
	const char *last = path;

	for (; *path; path++)
		if (*path == '/')
			last = path + 1;
	return last;
}

/*
 * A recorder's session has ended when its file is gone: no process creates it again. Its name is
 * not known after a restart of the machine.
 */
static bool session_is_recorders(const char *session)
{
	static const char prefix[] = "record-";

	return session_is_path(session) &&
	       memcmp(session_file_name(session), prefix, sizeof prefix - 1) == 0;
}

static void session_pause_1ms(void)
{
	struct timespec ts = {0, 1000000};

	raw_call3(SYS_nanosleep, (long)&ts, 0, 0);
}

/* ---- the folder ---- */

/* Opens `below` in the folder `above`, which a variable names. `of_user`: the uid follows. */
static int session_open_below(struct folder *folder, const char *above, const char *below,
			      bool of_user)
{
	char path[SYSTEM_PATH_BYTES] = "";

	if (!above || !*above)
		return -ENOENT;
	if (!path_append(path, above) || !path_append(path, below) ||
	    (of_user && !path_append_number(path, folder->self)))
		return -ENAMETOOLONG;
	return folder_open(folder, path, true);
}

/* The first of the user's folders that can be opened, created if it is missing: see folder.h. */
static int session_open_any_folder(struct folder *folder, const struct settings *settings)
{
	const char *tmp = settings->tmp_folder;
	int ret;

	if (settings->folder && *settings->folder)
		return folder_open(folder, settings->folder, true);
	ret = session_open_below(folder, "/dev/shm", "/memshim-", true);
	if (ret == 0 && folder_is_in_memory(folder))
		return 0;
	folder_close(folder);
	ret = session_open_below(folder, settings->runtime_folder, "/memshim", false);
	if (ret == 0 && folder_is_in_memory(folder))
		return 0;
	folder_close(folder);
	return session_open_below(folder, tmp && *tmp ? tmp : "/tmp", "/memshim-", true);
}

/* The folder that usually exists: creates none, and tries no other. */
static int session_open_usual_folder(struct folder *folder, const struct settings *settings)
{
	char path[SYSTEM_PATH_BYTES] = "/dev/shm/memshim-";

	if (settings->folder && *settings->folder)
		return folder_open(folder, settings->folder, false);
	path_append_number(path, folder->self);
	return folder_open(folder, path, false);
}

/*
 * Opens the folder of a session that is a path. The recorder checked the folder above it when it
 * created the session.
 */
static int session_open_folder(struct folder *folder, const char *session)
{
	char path[SYSTEM_PATH_BYTES] = "";

	if (!path_append(path, session))
		return -ENAMETOOLONG;
	path[session_file_name(session) - session] = '\0';
	folder->is_known = session_is_recorders(session);
	return folder_open_named(folder, path);
}

/* ---- the segment ---- */

/* On one page: each page that a process touches costs its start 2 us. */
static struct segment_header joined __attribute__((aligned(SEGMENT_HEADER_BYTES)));

/* Maps an existing segment, and leaves a checked copy of its header in `joined`. */
static void *session_map(struct folder *folder, const char *file, int *why)
{
	return segment_file_join(folder, file, &joined, &shim.mapped_bytes, why);
}

/* The name of a file without ".seg". */
static void session_name_of(const char *file, char name[64])
{
	size_t length = 0;

	for (; length < 63 && file[length]; length++)
		name[length] = file[length];
	if (length > 4 && memcmp(name + length - 4, ".seg", 4) == 0)
		length -= 4;
	name[length] = '\0';
}

static void *session_create(const struct settings *settings, struct folder *folder,
			    const char *file, int *why)
{
	char name[64];
	struct segment_options options = {
		.log_bytes = settings->log_bytes,
		.stack_depth = settings->stack_depth,
		.options = settings->anonymous ? OPTION_ANONYMOUS : 0,
		.session = name,
	};
	struct segment_header *header;

	session_name_of(file, name);
	header = segment_file_create(folder, file, &options, why);
	if (!header)
		return NULL;
	shim.mapped_bytes = header->total_bytes;
	*why = segment_header_copy(header, shim.mapped_bytes, shim.mapped_bytes, &joined);
	return *why == 0 ? header : NULL;
}

/*
 * Whether the segment is from before the last start of the machine: no process can be in it. On
 * tmpfs that is impossible.
 */
static bool session_is_stale(const struct folder *folder)
{
	char boot_id[sizeof joined.boot_id];

	if (folder_is_in_memory(folder))
		return false;
	if (sys_read_file("/proc/sys/kernel/random/boot_id", boot_id, SYSTEM_BOOT_ID_BYTES) < 36)
		return false;
	return memcmp(boot_id, joined.boot_id, 36) != 0;
}

/* Joins a segment in an open folder. Removes one that is left from an earlier boot. */
static void *session_join_in(const struct settings *settings, struct folder *folder,
			     const char *file, int *why)
{
	void *base = session_map(folder, file, why);

	if (!base || session_is_recorders(settings->session) || !session_is_stale(folder))
		return base;
	raw_call3(SYS_munmap, (long)base, (long)shim.mapped_bytes, 0);
	folder_remove_file(folder, file);
	*why = -ENOENT;
	return NULL;
}

/* Whether the segment may exist, or may be created, a moment later. */
static bool session_may_retry(int why)
{
	return why == -ENOENT || why == -EEXIST || why == -EMLINK || why == -EAGAIN;
}

/* Joins the session in an open folder. Creates it if it is missing and is not a recorder's. */
static void *session_join_or_create(const struct settings *settings, struct folder *folder,
				    const char *file)
{
	for (int i = 0; i < TRIES; i++) {
		int why = 0;
		void *base = session_join_in(settings, folder, file, &why);

		if (!base && why == -ENOENT && session_is_recorders(settings->session))
			return NULL;
		if (!base && why == -ENOENT)
			base = session_create(settings, folder, file, &why);
		if (base || !session_may_retry(why))
			return base;
		session_pause_1ms();
	}
	return NULL;
}

/*
 * Joins by name. A session that is not in the usual folder is created in the first that can be
 * opened.
 */
static void *session_join_by_name(const struct settings *settings, struct folder *folder)
{
	char file[SYSTEM_PATH_BYTES] = "";
	void *base = NULL;
	int why = session_open_usual_folder(folder, settings);

	path_append(file, settings->session);
	path_append(file, ".seg");
	if (why == 0) {
		base = session_join_in(settings, folder, file, &why);
		if (base || !session_may_retry(why))
			return base;
		folder_close(folder);
	}
	return session_open_any_folder(folder, settings) == 0
		       ? session_join_or_create(settings, folder, file)
		       : NULL;
}

static void *session_join_any(const struct settings *settings)
{
	struct folder folder = {.fd = -1, .self = settings->self};
	void *base = NULL;

	if (!session_is_path(settings->session))
		base = session_join_by_name(settings, &folder);
	else if (session_open_folder(&folder, settings->session) == 0)
		base = session_join_or_create(settings, &folder,
					      session_file_name(settings->session));
	folder_close(&folder);
	return base;
}

/*
 * Whether the recorder has closed the session. Every process of the session may write `closed`, so
 * it counts only if the recorder confirms it: it closes its socket before. A session without a
 * recorder is never closed.
 */
static bool session_is_closed(void)
{
	return word_load(&shim.shared->closed) && joined.recorder_pid && !recorder_listens(&joined);
}

bool session_join(const struct settings *settings)
{
	void *base = session_join_any(settings);

	if (!base)
		return false;
	shim.base = base;
	shim.header = &joined;
	shim.shared = shim_region(REGION_SHARED);
	if (session_is_closed())
		return false;
	shim.clock = joined.clock;
	shim.ring_events = joined.ring_events;
	shim.ring_count = joined.ring_count;
	shim.ledger = shim_region(REGION_LEDGER);
	shim.ledger_count = joined.region[REGION_LEDGER].count;
	if (shim.mapped_bytes >= joined.total_bytes) {
		shim.rings = shim_region(REGION_RINGS);
		shim.log = shim_region(REGION_LOG);
	}
	return true;
}
