/* SPDX-License-Identifier: MIT */
/*
 * The segment's size. Its owner, or root, may cut it off; whoever then touches what is missing is
 * ended by SIGBUS. A writer is a stranger and has no handler of ours: all that can be done for it
 * is to put the length back soon, before it writes. What was in there is lost, which is said.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/reader/mapping_guard.h"
#include "report/recorder/drain_internal.h"

void hold_begin(struct drain *drain)
{
	const char *name = drain->path + strlen(drain->folder.path) + 1;

	drain->fd = openat(drain->folder.fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	guard_replace(drain->base, drain->header.total_bytes);
}

void hold_turn(struct drain *drain)
{
	off_t bytes = (off_t)drain->header.total_bytes;
	struct stat st;

	if (drain->fd < 0 || fstat(drain->fd, &st) != 0 || st.st_size >= bytes)
		return;
	drain->was_cut = true;
	if (fallocate(drain->fd, 0, 0, bytes) != 0) {
		close(drain->fd);
		drain->fd = -1;
	}
}

void hold_end(struct drain *drain)
{
	guard_replace(NULL, 0);
	if (drain->fd >= 0)
		close(drain->fd);
}

bool drain_was_cut(const struct drain *drain)
{
	return drain->was_cut || guard_has_replaced();
}
