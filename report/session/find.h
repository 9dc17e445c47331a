/* SPDX-License-Identifier: MIT */
/* Which session is meant when no FILE is given, and which sessions there are. */
#ifndef MEMSHIM_SESSION_FIND_H
#define MEMSHIM_SESSION_FIND_H

#include <limits.h>
#include <stdbool.h>

#define FIND_RECORDING "memshim.data"

/* What is done with each; `refused` may be null. */
struct find_visitor {
	bool (*found)(void *context, const char *path); /* true stops */
	void (*refused)(void *context, const char *path, const char *why);
	void *context;
};

/*
 * Calls `found` with the path of every live segment's file of this user, and `refused` with a
 * folder in its place that is another user's.
 */
bool find_each(const struct find_visitor *visitor);

/* Calls `found` with each folder that this user's live segments may be in; true stops. */
bool find_each_folder(bool (*found)(void *context, const char *folder), void *context);

/* memshim.data here, else the newest session. False after one line. */
bool find_default(char path[PATH_MAX]);

enum find_answer { FIND_NONE, FIND_FOUND, FIND_REFUSED /* after one line */ };

/* A live session's segment by its name alone, where no file is called so. */
enum find_answer find_by_name(const char *name, char path[PATH_MAX]);

/* The session that process `pid` maps. False, with one line unless `quiet`. */
bool find_by_pid(long pid, bool quiet, char path[PATH_MAX]);

#endif
