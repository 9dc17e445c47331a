/* SPDX-License-Identifier: MIT */
#include "report/session/find.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/util/error.h"
#include "report/reader/source.h"

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* ---- folders, as preload/common/place.h chooses them ---- */

static bool look_into(const char *folder, bool (*found)(void *, const char *), void *context)
{
	DIR *dir = opendir(folder);
	char path[PATH_MAX];
	struct dirent *entry;
	bool stop = false;

	while (dir && !stop && (entry = readdir(dir))) {
		if (!ends_with(entry->d_name, ".seg"))
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		stop = found(context, path);
	}
	if (dir)
		closedir(dir);
	return stop;
}

bool find_each(bool (*found)(void *context, const char *path), void *context)
{
	const char *own = getenv("MEMSHIM_DIR"), *runtime = getenv("XDG_RUNTIME_DIR");
	const char *tmp = getenv("TMPDIR");
	char folder[PATH_MAX];

	if (own && *own)
		return look_into(own, found, context);
	snprintf(folder, sizeof folder, "/dev/shm/memshim-%lu", (unsigned long)geteuid());
	if (look_into(folder, found, context))
		return true;
	snprintf(folder, sizeof folder, "%s/memshim",
		 runtime && *runtime ? runtime : "/nonexistent");
	if (look_into(folder, found, context))
		return true;
	snprintf(folder, sizeof folder, "%s/memshim-%lu", tmp && *tmp ? tmp : "/tmp",
		 (unsigned long)geteuid());
	return look_into(folder, found, context);
}

/* ---- the newest ---- */

struct newest {
	char *path;
	struct session_facts facts;
	bool any;
};

static bool keep_newest(void *context, const char *path)
{
	struct newest *newest = context;
	struct source *source = source_try(path);

	if (source &&
	    (!newest->any || session_compare(source_session(source), &newest->facts) > 0)) {
		newest->any = true;
		newest->facts = *source_session(source);
		snprintf(newest->path, PATH_MAX, "%s", path);
	}
	source_close(source);
	return false;
}

bool find_default(char path[PATH_MAX])
{
	struct newest newest = {.path = path};

	snprintf(path, PATH_MAX, "%s", FIND_RECORDING);
	if (access(path, F_OK) == 0)
		return true;
	find_each(keep_newest, &newest);
	if (!newest.any)
		error_line("no FILE given", "there is no " FIND_RECORDING
					    " here and no session; make one with 'memshim "
					    "record COMMAND'");
	return newest.any;
}

/* ---- by name ---- */

struct wanted {
	const char *name;
	char *path;
};

static bool has_name(void *context, const char *path)
{
	const struct wanted *wanted = context;
	const char *file = strrchr(path, '/') + 1;
	size_t length = strlen(wanted->name);

	if (strncmp(file, wanted->name, length) != 0 || strcmp(file + length, ".seg") != 0)
		return false;
	snprintf(wanted->path, PATH_MAX, "%s", path);
	return true;
}

bool find_by_name(const char *name, char path[PATH_MAX])
{
	struct wanted wanted = {name, path};

	return !strchr(name, '/') && access(name, F_OK) != 0 && find_each(has_name, &wanted);
}

/* ---- by process ---- */

/*
 * A mapping's own name, or a way to it where the name is gone; false when it is no session. Its
 * name may be another by now, so what counts is that it is shared, written to, and a plain file.
 */
static bool try_mapping(long pid, const char *line, char path[PATH_MAX])
{
	const char *name = strchr(line, '/');
	struct source *source;
	struct stat st;

	if (!name || !strstr(line, " rw-s "))
		return false;
	if (ends_with(name, " (deleted)"))
		snprintf(path, PATH_MAX, "/proc/%ld/map_files/%.*s", pid, (int)strcspn(line, " "),
			 line);
	else
		snprintf(path, PATH_MAX, "%.*s", PATH_MAX - 1, name);
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	source = source_try(path);
	source_close(source);
	return source != NULL;
}

static bool look_through(long pid, FILE *maps, char path[PATH_MAX], bool *deleted)
{
	char line[PATH_MAX + 256];
	bool found = false;

	while (!found && fgets(line, sizeof line, maps)) {
		line[strcspn(line, "\n")] = '\0';
		found = try_mapping(pid, line, path);
		*deleted |= !found && ends_with(line, ".seg (deleted)");
	}
	return found;
}

bool find_by_pid(long pid, bool quiet, char path[PATH_MAX])
{
	char name[64];
	bool deleted = false, found;
	FILE *maps;

	snprintf(name, sizeof name, "/proc/%ld/maps", pid);
	maps = fopen(name, "re");
	found = maps && look_through(pid, maps, path, &deleted);
	if (!found && !quiet) {
		snprintf(name, sizeof name, "process %ld", pid);
		if (!maps)
			error_line(name, errno == ENOENT ? "no such process" : strerror(errno));
		else if (deleted)
			error_line(name,
				   "the file of its session was deleted, and only root can open "
				   "it through the process");
		else
			error_line(name, "it does not run under the shim");
	}
	if (maps)
		fclose(maps);
	return found;
}
