/* SPDX-License-Identifier: MIT */
#include "report/procfs/alive.h"

#include <stdio.h>
#include <string.h>

#include "preload/common/files.h"
#include "report/procfs/timens.h"

uint64_t alive_start(int32_t pid, uint64_t start_time)
{
	char path[64], text[1024];
	const char *at;
	unsigned long long start = 0;
	char state = 'X';

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	if (pid <= 0 || place_read_file(path, text, sizeof text) <= 0 || !(at = strrchr(text, ')')))
		return 0;
	if (sscanf(at + 1,
		   " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
		   "%llu",
		   &state, &start) != 2 ||
	    state == 'Z' || state == 'X')
		return 0;
	return start_time == 0 || timens_same_start(pid, start, start_time) ? start : 0;
}

bool alive_process(int32_t pid, uint64_t start_time)
{
	return alive_start(pid, start_time) != 0;
}
