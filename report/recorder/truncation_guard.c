/* SPDX-License-Identifier: MIT */
#include "report/recorder/truncation_guard.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/reader/mapping_guard.h"
#include "report/recorder/drain_struct.h"

/* Whether the file has fewer blocks than its creator reserved. */
static bool has_holes(const struct drain *drain, const struct stat *st)
{
	return (uint64_t)st->st_blocks * 512 < drain->header.total_bytes;
}

void truncation_guard_begin(struct drain *drain)
{
	const char *name = drain->path + strlen(drain->folder.path) + 1;

	struct stat st;

	drain->fd = openat(drain->folder.fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	guard_replace(drain->base, drain->header.total_bytes);
	drain->is_reserved = drain->fd >= 0 && fstat(drain->fd, &st) == 0 && !has_holes(drain, &st);
}

/* Without the magic no process could join. The page was zeroed, so the magic is written last. */
static void restore_header(struct drain *drain)
{
	struct segment_header *live = (struct segment_header *)drain->base;
	struct segment_header header = drain->header;

	if (live->magic == header.magic)
		return;
	header.magic = 0;
	memcpy(live, &header, sizeof header);
	word_hand_over((_Atomic uint64_t *)&live->magic, drain->header.magic);
}

void truncation_guard_turn(struct drain *drain)
{
	off_t bytes = (off_t)drain->header.total_bytes;
	struct stat st;

	if (drain->fd < 0 || fstat(drain->fd, &st) != 0)
		return;
	if (st.st_size < bytes) {
		drain->was_cut = true;
		if (fallocate(drain->fd, 0, 0, bytes) != 0) {
			close(drain->fd);
			drain->fd = -1;
		}
	} else if (drain->is_reserved && has_holes(drain, &st)) {
		drain->was_punched = true;
		restore_header(drain);
		/* If the file system is full, the next turn tries again. */
		(void)!fallocate(drain->fd, 0, 0, bytes);
	}
}

void truncation_guard_end(struct drain *drain)
{
	guard_replace(NULL, 0);
	if (drain->fd >= 0)
		close(drain->fd);
}

bool drain_was_punched(const struct drain *drain)
{
	return drain->was_punched;
}

bool drain_was_cut(const struct drain *drain)
{
	return drain->was_cut || guard_has_replaced();
}
