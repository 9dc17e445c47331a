/* SPDX-License-Identifier: MIT */
#include "report/util/limits.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

struct limit_words {
	int error;
	int resource;
	char option; /* of ulimit, bash(1) */
	rlim_t unit;
	const char *words; /* the consequence for the recorder, and what to do */
	const char
		*reading; /* the same for a command that reads; null: the limit does not matter */
};

/* The first limit that is set is named. */
static const struct limit_words limits[] = {
	{ENOMEM, RLIMIT_DATA, 'd', 1024,
	 "leaves the recorder too little memory; raise it, or set it for COMMAND alone: memshim "
	 "record -- sh -c 'ulimit -d ...; exec COMMAND'",
	 "leaves too little memory to read the recording; raise it, and run 'memshim report'"},
	{ENOMEM, RLIMIT_AS, 'v', 1024,
	 "leaves the recorder too little memory; raise it, or set it for COMMAND alone: memshim "
	 "record -- sh -c 'ulimit -v ...; exec COMMAND'",
	 "leaves too little memory to read the recording; raise it, and run 'memshim report'"},
	{EAGAIN, RLIMIT_NPROC, 'u', 1,
	 "leaves this user no process for COMMAND beside the recorder; raise it, or end a process",
	 NULL},
	{EMFILE, RLIMIT_NOFILE, 'n', 1, "leaves the recorder too few descriptors; raise it", NULL},
};

static bool limit_value(const struct limit_words *words, unsigned long long *value)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)words->resource, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return false;
	*value = limit.rlim_cur / words->unit;
	return true;
}

static const struct limit_words *limit_find(int error, bool reading, unsigned long long *value)
{
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		if (limits[i].error == error && (!reading || limits[i].reading) &&
		    limit_value(&limits[i], value))
			return &limits[i];
	return NULL;
}

void limits_explain(int error, char *why, size_t size)
{
	unsigned long long value;
	const struct limit_words *limit = limit_find(error, false, &value);

	if (limit)
		snprintf(why, size, "the limit ulimit -%c %llu %s", limit->option, value,
			 limit->words);
	else if (error == EAGAIN)
		snprintf(why, size, "%s",
			 "no process can be made for COMMAND; see pids.max of this cgroup");
	else
		snprintf(why, size, "%s", strerror(error));
}

void limits_explain_reading(int error, char *why, size_t size)
{
	unsigned long long value;
	const struct limit_words *limit = limit_find(error, true, &value);

	if (limit)
		snprintf(why, size, "the limit ulimit -%c %llu %s", limit->option, value,
			 limit->reading);
	else
		snprintf(why, size, "%s", strerror(error));
}
