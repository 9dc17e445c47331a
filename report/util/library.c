/* SPDX-License-Identifier: MIT */
#include "report/util/library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "report/util/error.h"

/* Without /proc: the path given to execve(2), relative to the folder at the start. */
static bool find_by_execfn(char self[PATH_MAX])
{
	const char *path = (const char *)getauxval(AT_EXECFN);

	return path && realpath(path, self);
}

/* This program's path; false when it is not known. */
static bool find_self(char self[PATH_MAX])
{
	ssize_t used = readlink("/proc/self/exe", self, PATH_MAX - 1);

	if (used < 0)
		return find_by_execfn(self);
	self[used] = '\0';
	return true;
}

static bool has_proc(void)
{
	return access("/proc/self/exe", F_OK) == 0;
}

bool library_find(char library[PATH_MAX])
{
	char self[PATH_MAX] = "", path[PATH_MAX + 32];
	const char *why;

	if (find_self(self) && strrchr(self, '/'))
		strrchr(self, '/')[1] = '\0';
	snprintf(path, sizeof path, "%s../lib/libmemshim.so", self);
	if (self[0] && realpath(path, library) && access(library, R_OK) == 0)
		return true;
	why = strerror(errno);
	if (has_proc())
		error_format(path, "%s: install the shim beside the program", why);
	else
		error_line("/proc",
			   "not mounted, so memshim cannot find its shim by the name it was "
			   "started with: start it by its full path");
	return false;
}
