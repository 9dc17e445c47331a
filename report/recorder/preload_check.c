/* SPDX-License-Identifier: MIT */
#include "report/recorder/preload_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report/procfs/proc.h"

/* In the middle of execve(2) there are neither arguments nor an environment yet. */
static bool is_executing(pid_t pid)
{
	char first[2];

	return proc_read(pid, "cmdline", first, sizeof first) <= 0;
}

/* LIST is an LD_PRELOAD with the library in it. */
static bool is_in_root(pid_t pid, const char *list)
{
	char path[4096];

	for (size_t length; *list; list += length + (list[length] != '\0')) {
		length = strcspn(list, " :");
		snprintf(path, sizeof path, "/proc/%ld/root%.*s", (long)pid, (int)length, list);
		if (strstr(path, PRELOAD_LIBRARY))
			return access(path, F_OK) == 0 || errno != ENOENT;
	}
	return true;
}

enum preload preload_find(pid_t pid)
{
	static char text[1 << 18];
	static const char name[] = "LD_PRELOAD=";
	ssize_t used = proc_read(pid, "environ", text, sizeof text);

	if (used <= 0 && is_executing(pid))
		return PRELOAD_HAS;
	for (ssize_t at = 0; at < used; at += (ssize_t)strlen(text + at) + 1)
		if (strncmp(text + at, name, sizeof name - 1) == 0 &&
		    strstr(text + at, PRELOAD_LIBRARY))
			return is_in_root(pid, text + at + sizeof name - 1) ? PRELOAD_HAS
									    : PRELOAD_ELSEWHERE;
	/* The text was cut: LD_PRELOAD may be behind it. */
	return used == (ssize_t)sizeof text - 1 ? PRELOAD_HAS : PRELOAD_HAS_NOT;
}
