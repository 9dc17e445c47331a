/* SPDX-License-Identifier: MIT */
/* Finds sessions: the default one, one by name or by process, and all of this user's. */
#ifndef MEMSHIM_SESSION_FIND_H
#define MEMSHIM_SESSION_FIND_H

#include <limits.h>
#include <stdbool.h>

#define FIND_RECORDING "memshim.data"

/* `refused` may be null. */
struct find_visitor {
	bool (*found)(void *context, const char *path); /* true stops */
	void (*refused)(void *context, const char *path, const char *why);
	void *context;
};

/*
 * Calls `found` with the path of every live segment of this user, and `refused` with each folder
 * for them that belongs to another user.
 */
bool find_each(const struct find_visitor *visitor);

/* Calls `found` with each folder that this user's live segments may be in; true stops. */
bool find_each_folder(bool (*found)(void *context, const char *folder), void *context);

/* memshim.data in the current folder, else the newest session. False after one line. */
bool find_default(char path[PATH_MAX]);

enum find_answer { FIND_NONE, FIND_FOUND, FIND_REFUSED /* after one line */ };

/* The segment of the session `name`. */
enum find_answer find_session(const char *name, char path[PATH_MAX]);

/* The segment of the session `name`, unless a file has that name. */
enum find_answer find_by_name(const char *name, char path[PATH_MAX]);

/* The session that process `pid` maps. False, after one line unless `quiet`. */
bool find_by_pid(long pid, bool quiet, char path[PATH_MAX]);

#endif
