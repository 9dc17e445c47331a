/* SPDX-License-Identifier: MIT */
#include "report/session/find.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/procfs/maps.h"
#include "report/reader/source.h"
#include "report/util/error.h"
#include "report/util/path.h"
#include "report/util/trust.h"

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* ---- folders, as preload/common/folder.h chooses them ---- */

/* Opens the folder, and checks the owner of what was opened. Null if it is refused. */
static DIR *find_open_folder(const char *path, const struct find_visitor *visitor)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char why[SOURCE_WHY_BYTES];
	struct stat st;
	DIR *dir = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0) {
		if (owner_is_believed(fd, &st, why, sizeof why))
			dir = fdopendir(fd);
		else if (visitor->refused)
			visitor->refused(visitor->context, path, why);
	}
	if (!dir)
		close(fd);
	return dir;
}

static bool find_in_folder(const char *folder, const struct find_visitor *visitor)
{
	DIR *dir = find_open_folder(folder, visitor);
	char path[PATH_MAX];
	struct dirent *entry;
	bool stop = false;

	while (dir && !stop && (entry = readdir(dir))) {
		if (!ends_with(entry->d_name, ".seg"))
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		stop = visitor->found(visitor->context, path);
	}
	if (dir)
		closedir(dir);
	return stop;
}

bool find_each_folder(bool (*found)(void *context, const char *folder), void *context)
{
	const char *own = getenv("MEMSHIM_DIR"), *runtime = getenv("XDG_RUNTIME_DIR");
	const char *tmp = getenv("TMPDIR");
	char folder[PATH_MAX];

	if (own && *own)
		return found(context, own);
	snprintf(folder, sizeof folder, "/dev/shm/memshim-%lu", (unsigned long)geteuid());
	if (found(context, folder))
		return true;
	snprintf(folder, sizeof folder, "%s/memshim",
		 runtime && *runtime ? runtime : "/nonexistent");
	if (found(context, folder))
		return true;
	snprintf(folder, sizeof folder, "%s/memshim-%lu", tmp && *tmp ? tmp : "/tmp",
		 (unsigned long)geteuid());
	return found(context, folder);
}

static bool visit_folder(void *visitor, const char *folder)
{
	return find_in_folder(folder, visitor);
}

bool find_each(const struct find_visitor *visitor)
{
	return find_each_folder(visit_folder, (void *)visitor);
}

/* The first file or folder that was refused: the message if no session is found. */
struct refusal {
	char path[PATH_MAX]; /* "" none */
	char why[SOURCE_WHY_BYTES];
};

static void refusal_keep(struct refusal *refusal, const char *path, const char *why)
{
	if (refusal->path[0])
		return;
	snprintf(refusal->path, sizeof refusal->path, "%s", path);
	snprintf(refusal->why, sizeof refusal->why, "%s", why);
}

/* Opens a source; keeps a refusal. */
static struct source *try_source(const char *path, struct refusal *refusal)
{
	char why[SOURCE_WHY_BYTES];
	bool foreign;
	struct source *source = source_try_own(path, &foreign, why);

	if (!source && foreign)
		refusal_keep(refusal, path, why);
	return source;
}

/* ---- the newest ---- */

struct newest {
	struct refusal refusal;
	char *path;
	struct session_facts facts;
	bool any;
};

static bool keep_newest(void *context, const char *path)
{
	struct newest *newest = context;
	struct source *source = try_source(path, &newest->refusal);

	if (source &&
	    (!newest->any || session_compare(source_session(source), &newest->facts) > 0)) {
		newest->any = true;
		newest->facts = *source_session(source);
		snprintf(newest->path, PATH_MAX, "%s", path);
	}
	source_close(source);
	return false;
}

static void refuse_newest(void *context, const char *path, const char *why)
{
	struct newest *newest = context;

	refusal_keep(&newest->refusal, path, why);
}

bool find_default(char path[PATH_MAX])
{
	struct newest newest = {.path = path};
	struct find_visitor visitor = {keep_newest, refuse_newest, &newest};

	snprintf(path, PATH_MAX, "%s", FIND_RECORDING);
	if (access(path, F_OK) == 0)
		return true;
	find_each(&visitor);
	if (!newest.any && newest.refusal.path[0])
		error_line(newest.refusal.path, newest.refusal.why);
	else if (!newest.any)
		error_line("no FILE given", "there is no " FIND_RECORDING
					    " here and no session; make one with 'memshim "
					    "record COMMAND'");
	return newest.any;
}

/* ---- by name ---- */

struct wanted {
	struct refusal refusal;
	const char *name;
	char *path;
};

/* Keeps the refusal of a folder that contains the name. */
static void refuse_name(void *context, const char *folder, const char *why)
{
	struct wanted *wanted = context;
	char path[PATH_MAX];

	if (snprintf(path, sizeof path, "%s/%s.seg", folder, wanted->name) < PATH_MAX &&
	    access(path, F_OK) == 0)
		refusal_keep(&wanted->refusal, folder, why);
}

static bool has_name(void *context, const char *path)
{
	struct wanted *wanted = context;
	const char *file = path_base_name(path);
	size_t length = strlen(wanted->name);

	if (strncmp(file, wanted->name, length) != 0 || strcmp(file + length, ".seg") != 0)
		return false;
	snprintf(wanted->path, PATH_MAX, "%s", path);
	return true;
}

enum find_answer find_session(const char *name, char path[PATH_MAX])
{
	struct wanted wanted = {.name = name, .path = path};
	struct find_visitor visitor = {has_name, refuse_name, &wanted};

	if (find_each(&visitor))
		return FIND_FOUND;
	if (!wanted.refusal.path[0])
		return FIND_NONE;
	error_line(wanted.refusal.path, wanted.refusal.why);
	return FIND_REFUSED;
}

enum find_answer find_by_name(const char *name, char path[PATH_MAX])
{
	if (strchr(name, '/') || access(name, F_OK) == 0)
		return FIND_NONE;
	return find_session(name, path);
}

/* ---- by process ---- */

/*
 * The path of a mapped file, or of /proc/PID/map_files if the file was deleted. False when it is
 * not a session. The file may have been renamed, so each shared, writable mapping of a file is
 * tried.
 */
static bool try_mapping(long pid, const struct mapping_facts *mapping, char path[PATH_MAX],
			struct refusal *refusal)
{
	struct refusal any = {0};
	struct source *source;

	if (mapping->name[0] != '/' || strcmp(mapping->perm, "rw-s") != 0)
		return false;
	if (ends_with(mapping->name, " (deleted)"))
		snprintf(path, PATH_MAX, "/proc/%ld/map_files/%llx-%llx", pid,
			 (unsigned long long)mapping->start, (unsigned long long)mapping->end);
	else
		snprintf(path, PATH_MAX, "%s", mapping->name);
	source = try_source(path, &any);
	source_close(source);
	/*
	 * Other programs also share files: only the name shows that a file of another user is a
	 * segment.
	 */
	if (any.path[0] && strstr(mapping->name, ".seg"))
		refusal_keep(refusal, any.path, any.why);
	return source != NULL;
}

/* A search for a session through the mappings of a process. */
struct maps_search {
	long pid;
	char *path; /* of PATH_MAX */
	struct refusal refusal;
	bool deleted;
	bool found;
};

static bool find_visit_mapping(void *context, const struct mapping_facts *mapping)
{
	struct maps_search *search = context;

	search->found = try_mapping(search->pid, mapping, search->path, &search->refusal);
	search->deleted |= !search->found && ends_with(mapping->name, ".seg (deleted)");
	return !search->found;
}

/* Prints why process `pid` has no readable session. `error`: errno of opening its maps. */
static void find_report_why(long pid, int error, const struct maps_search *search)
{
	char name[64];

	snprintf(name, sizeof name, "process %ld", pid);
	if (error)
		error_line(name, error == ENOENT ? "no such process" : strerror(error));
	else if (search->refusal.path[0])
		error_line(search->refusal.path, search->refusal.why);
	else if (search->deleted)
		error_line(name, "the file of its session was deleted, and only root can open it "
				 "through the process");
	else
		error_line(name, "it does not run under the shim");
}

bool find_by_pid(long pid, bool quiet, char path[PATH_MAX])
{
	struct maps_search search = {.pid = pid, .path = path};
	int error = -maps_visit((pid_t)pid, find_visit_mapping, &search);

	if (!search.found && !quiet)
		find_report_why(pid, error, &search);
	return search.found;
}
