/* SPDX-License-Identifier: MIT */
#include "report/recorder/session_create.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "preload/common/folder.h"
#include "preload/common/make.h"
#include "report/procfs/proc.h"
#include "report/recorder/drain_struct.h"
#include "report/recorder/prefault.h"
#include "report/recorder/truncation_guard.h"
#include "report/util/error.h"
#include "report/util/limits.h"

#define FOLDERS 3 /* where a session may be */

static const char limit_words[] =
	"the limit on a file's size, ulimit -f, leaves no room for the session";
static const char room_words[] = "no room for the session: free some there, or set MEMSHIM_DIR to "
				 "another folder on tmpfs";

/* The smallest segment. */
static uint64_t least_bytes(void)
{
	struct segment_header least = {0};
	uint32_t cpus = sys_cpu_count();

	segment_header_lay_out(&least, SEGMENT_LOG_BYTES_MIN,
			       cpus < SEGMENT_RINGS_MAX ? cpus : SEGMENT_RINGS_MAX);
	return least.total_bytes;
}

/* Whether RLIMIT_FSIZE is smaller. */
static bool is_limited(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < least_bytes();
}

const char *session_create_shortage(const char *path)
{
	char above[PATH_MAX];
	const char *folder = path;
	struct statvfs fs;

	if (access(path, F_OK) != 0 && errno == ENOENT && strrchr(path, '/')) {
		snprintf(above, sizeof above, "%.*s", (int)(strrchr(path, '/') - path), path);
		folder = above;
	}
	if (eaccess(folder, W_OK | X_OK) != 0 || statvfs(folder, &fs) != 0)
		return strerror(errno);
	if (is_limited())
		return limit_words;
	/* A segment takes at most a quarter of what is free. */
	return fs.f_blocks && fs.f_bavail * fs.f_frsize / 4 < least_bytes() ? room_words : NULL;
}

static void session_create_explain(struct drain_error *error, const char *what, int ret)
{
	const char *why = error->why;

	limits_explain(-ret, error->why, sizeof error->why);
	if (ret == -EACCES)
		why = "it may not be entered, or other users may write to it";
	else if (ret == -EPERM)
		why = "it belongs to another user";
	else if (ret == -EDOTDOT)
		why = "other users may write to the folder that it is in, which is not sticky";
	else if (ret == -ENOSPC && is_limited())
		why = limit_words;
	else if (ret == -ENOSPC)
		why = room_words;
	snprintf(error->what, sizeof error->what, "%s", what);
	if (why != error->why)
		snprintf(error->why, sizeof error->why, "%s", why);
}

/* Adds advice to set MEMSHIM_DIR, if it is not set and not named yet. */
static void point_at_folder(struct drain_error *error)
{
	size_t used = strlen(error->why);

	if (!getenv("MEMSHIM_DIR") && !strstr(error->why, "MEMSHIM_DIR"))
		snprintf(error->why + used, sizeof error->why - used,
			 "; set MEMSHIM_DIR to a folder on tmpfs");
}

/*
 * A folder that the environment names, as an absolute path: COMMAND's processes may change their
 * working directory. Null when there is none, or no current folder. The caller frees it.
 */
static char *named_folder(const char *variable)
{
	const char *name = getenv(variable);
	char *here = name && *name && *name != '/' ? getcwd(NULL, 0) : NULL, *path = NULL;

	if (name && *name && asprintf(&path, "%s%s%s", here ? here : "", here ? "/" : "", name) < 0)
		path = NULL;
	free(here);
	return path;
}

/* The path of the peer socket, beside the segment; "" if it is too long for a socket address. */
static void choose_registration_path(const struct drain *drain, char *path, size_t size)
{
	int length = (int)strlen(drain->path) - (int)strlen(".seg");

	if (snprintf(path, size, "%.*s.call", length, drain->path) >= (int)size)
		path[0] = '\0';
}

/* The file's name in the segment's path. */
static const char *segment_file(const struct drain *drain)
{
	return drain->path + strlen(drain->folder.path) + 1;
}

static bool name_segment(struct drain *drain, const char *name)
{
	drain->path[0] = '\0';
	return path_append(drain->path, drain->folder.path) && path_append(drain->path, "/") &&
	       path_append(drain->path, name) && path_append(drain->path, ".seg");
}

/* Creates the segment in the open folder. 0 or -errno. */
static int session_create_there(struct drain *drain, struct segment_options options)
{
	char registration_message[sizeof drain->header.registration_path];
	int ret = 0;

	if (!name_segment(drain, options.session))
		return -ENAMETOOLONG;
	choose_registration_path(drain, registration_message, sizeof registration_message);
	options.registration_path = registration_message;
	drain->base = (char *)segment_file_create(&drain->folder, segment_file(drain), &options,
						  &ret);
	return drain->base ? 0 : ret;
}

/*
 * Creates it in this folder. 0, -errno, or -EMEDIUMTYPE if the folder must be in memory and is not.
 */
static int session_create_in(struct drain *drain, const struct segment_options *options,
			     const char *path, bool on_any_file_system)
{
	struct folder *folder = &drain->folder;
	int ret = folder_open(folder, path, true);

	if (ret == 0 && !on_any_file_system && !folder_is_in_memory(folder))
		ret = -EMEDIUMTYPE;
	if (ret == 0)
		ret = session_create_there(drain, *options);
	if (ret != 0)
		folder_close(folder);
	return ret;
}

static char *folder_below(const char *above, const char *name)
{
	char *path = NULL;

	return above && asprintf(&path, "%s/%s", above, name) >= 0 ? path : NULL;
}

/* MEMSHIM_DIR, or the default folders; the last may be on a disk. The caller frees them. */
static void list_folders(char *folders[FOLDERS])
{
	char *runtime = named_folder("XDG_RUNTIME_DIR"), *tmp = named_folder("TMPDIR"), of_user[48];

	snprintf(of_user, sizeof of_user, "memshim-%lu", (unsigned long)geteuid());
	memset(folders, 0, FOLDERS * sizeof *folders);
	folders[FOLDERS - 1] = named_folder("MEMSHIM_DIR");
	if (!folders[FOLDERS - 1]) {
		folders[0] = folder_below("/dev/shm", of_user);
		folders[1] = folder_below(runtime, "memshim");
		folders[2] = folder_below(tmp ? tmp : "/tmp", of_user);
	}
	free(runtime);
	free(tmp);
}

/* Whether the folder exists and is refused: another user created it, or may write to it. */
static bool is_planted(const char *path, int ret)
{
	struct stat st;

	return (ret == -EPERM || ret == -EACCES || ret == -EDOTDOT || ret == -ENOTDIR) &&
	       lstat(path, &st) == 0;
}

/* Warns, although the session was created, that a folder was refused, or that it is on a disk. */
static void warn_of_folder(const struct drain *drain, const struct drain_error *error, int first)
{
	bool on_disk = !folder_is_in_memory(&drain->folder);
	const char *disk = "not on tmpfs: the disk may hold the programs up";

	if (is_planted(error->what, first))
		error_format(error->what, "%s: the session is in %s%s%s", error->why,
			     drain->folder.path, on_disk ? ", " : "", on_disk ? disk : "");
	else if (on_disk)
		error_line(drain->path, disk);
}

/*
 * Creates it in the first folder that is usable and has space. `error` is about the first folder
 * that failed.
 */
static int session_create_somewhere(struct drain *drain, const struct segment_options *options,
				    struct drain_error *error)
{
	char *folders[FOLDERS];
	int ret = -ENOMEM, first = 0;

	list_folders(folders);
	for (int i = 0; i < FOLDERS && ret != 0; i++) {
		if (!folders[i] || (first == -ENOSPC && is_limited()))
			continue;
		ret = session_create_in(drain, options, folders[i], i == FOLDERS - 1);
		if (ret != 0 && first == 0) {
			first = ret;
			session_create_explain(error, folders[i], ret);
		}
	}
	for (int i = 0; i < FOLDERS; i++)
		free(folders[i]);
	if (ret != 0 && first == 0)
		session_create_explain(error, "record", ret);
	else if (ret != 0 && first != -ENOMEM && !is_limited())
		point_at_folder(error);
	if (ret == 0)
		warn_of_folder(drain, error, first);
	return ret;
}

static int session_create_segment(struct drain *drain, const struct drain_options *options,
				  struct drain_error *error)
{
	struct segment_options place = {
		.log_bytes = options->log_bytes,
		.stack_depth = options->stack_depth,
		.options = (options->no_follow ? OPTION_NO_FOLLOW : 0) |
			   (options->anonymous ? OPTION_ANONYMOUS : 0),
		.recorder_pid = getpid(),
		.recorder_start_time = proc_own_start_time(),
		/* Empty if it is too long. */
		.peer_path = strlen(options->recording_path) < sizeof drain->header.peer_path
				     ? options->recording_path
				     : "",
		.command = options->command,
		.command_bytes = options->command_bytes,
	};
	char name[64];
	int ret;

	snprintf(name, sizeof name, "record-%ld-%llx", (long)getpid(),
		 (unsigned long long)sys_clock_ns(CLOCK_MONOTONIC));
	place.session = name;
	ret = session_create_somewhere(drain, &place, error);
	if (ret == 0)
		memcpy(&drain->header, drain->base, sizeof drain->header);
	return ret;
}

static int session_create_begin(struct drain *drain, const struct drain_options *options,
				struct drain_error *error)
{
	int ret;

	drain->recording.fd = options->fd;
	drain->folder = (struct folder){.fd = -1, .self = geteuid()};
	ret = session_create_segment(drain, options, error);
	if (ret != 0)
		return ret;
	drain->namespace_fd = prefault_namespace();
	truncation_guard_begin(drain);
	drain->shared = drain_region(drain, REGION_SHARED);
	drain->reported = calloc(drain->header.region[REGION_INDEX].count, sizeof *drain->reported);
	drain->break_checks = calloc(drain->header.region[REGION_INDEX].count,
				     sizeof *drain->break_checks);
	drain->limits = calloc(drain->header.region[REGION_INDEX].count, sizeof *drain->limits);
	drain->ring = calloc(drain->header.ring_count, sizeof *drain->ring);
	if (!drain->reported || !drain->break_checks || !drain->limits || !drain->ring) {
		session_create_explain(error, "record", -ENOMEM);
		return -ENOMEM;
	}
	prefault_huge(drain);
	prefault_tables(drain);
	for (uint32_t i = 0; i < drain->header.ring_count; i++) {
		drain->ring[i].next = drain->header.first_claim;
		prefault_log(drain, i, drain->header.first_claim);
	}
	drain->header.command_pid = options->command_pid;
	((struct segment_header *)drain->base)->command_pid = options->command_pid;
	ret = recording_begin(&drain->recording, options->fd, &drain->header, drain->path,
			      !options->no_compress);
	if (ret != 0) {
		snprintf(error->what, sizeof error->what, "%s", options->recording_path);
		snprintf(error->why, sizeof error->why, "%s", strerror(-ret));
	}
	return ret;
}

struct drain *drain_make(const struct drain_options *options, struct drain_error *error)
{
	struct drain *drain = calloc(1, sizeof *drain);

	if (!drain) {
		session_create_explain(error, "record", -ENOMEM);
		close(options->fd);
		return NULL;
	}
	if (session_create_begin(drain, options, error) == 0)
		return drain;
	drain_cancel(drain);
	return NULL;
}

const char *drain_segment_path(const struct drain *drain)
{
	return drain->path;
}

const char *drain_session(const struct drain *drain)
{
	return drain->header.session;
}

const char *drain_registration_path(const struct drain *drain)
{
	return drain->header.registration_path;
}

void drain_cancel(struct drain *drain)
{
	if (drain->base) {
		word_hand_over(&drain->shared->closed, 1);
		folder_remove_file(&drain->folder, segment_file(drain));
		truncation_guard_end(drain);
		if (drain->namespace_fd >= 0)
			close(drain->namespace_fd);
		munmap(drain->base, drain->header.total_bytes);
	}
	folder_close(&drain->folder);
	if (drain->recording.fd >= 0)
		close(drain->recording.fd);
	recording_free(&drain->recording);
	free(drain->reported);
	free(drain->break_checks);
	free(drain->limits);
	free(drain->ring);
	free(drain);
}
