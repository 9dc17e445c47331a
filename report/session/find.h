/* SPDX-License-Identifier: MIT */
/* Which session is meant when no FILE is given, and which sessions there are. */
#ifndef MEMSHIM_SESSION_FIND_H
#define MEMSHIM_SESSION_FIND_H

#include <limits.h>
#include <stdbool.h>

#define FIND_RECORDING "memshim.data"

/* Calls `found` with the path of every live segment's file of this user; true stops. */
bool find_each(bool (*found)(void *context, const char *path), void *context);

/* memshim.data here, else the newest session. False after one line. */
bool find_default(char path[PATH_MAX]);

/* A live session's segment by its name alone, where no file is called so. Quiet. */
bool find_by_name(const char *name, char path[PATH_MAX]);

/* The session that process `pid` maps. False, with one line unless `quiet`. */
bool find_by_pid(long pid, bool quiet, char path[PATH_MAX]);

#endif
