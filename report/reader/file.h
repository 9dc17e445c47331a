/* SPDX-License-Identifier: MIT */
/*
 * One file of a session, read and never trusted: its header is copied and checked, and file_read
 * fetches every other byte within the file's real size. A live segment is mapped, because its log
 * must be read by the protocol of publish.h. A recording is read with pread(2), so that a large one
 * does not take memory.
 */
#ifndef MEMSHIM_READER_FILE_H
#define MEMSHIM_READER_FILE_H

#include <limits.h>
#include <stdbool.h>

#include "preload/segment/layout.h"

struct file {
	int fd;           /* -1: closed */
	bool is_foreign;  /* refused: it belongs to another user */
	const char *base; /* a live segment's mapping, else null */
	uint64_t bytes;   /* real size, when it was last read */
	struct segment_header header;
	char path[PATH_MAX];
};

#define FILE_WHY_BYTES 256

/*
 * False with the reason in why. A file of another user is refused before it is read; a file that is
 * not regular is refused before it is opened.
 */
bool file_open(struct file *file, const char *path, char why[FILE_WHY_BYTES]);
/*
 * The same for an open file; takes over the descriptor. -1: opening failed with errno. The owner is
 * not checked: the caller created the file itself.
 */
bool file_open_descriptor(struct file *file, int fd, const char *path, char why[FILE_WHY_BYTES]);
void file_close(struct file *file);

static inline bool file_is_open(const struct file *file)
{
	return file->fd >= 0;
}

/* Reads size and header again: a recording grows. False, and *file unchanged, if they are bad. */
bool file_refresh(struct file *file);

/* Copies [offset, offset + bytes); false when the file is shorter. */
bool file_read(const struct file *file, uint64_t offset, void *to, uint64_t bytes);

/* The first offset from `offset` on outside a sparse hole; file->bytes when there is none. */
uint64_t file_skip_hole(const struct file *file, uint64_t offset);

/* Copies record `i` of a live segment's region; false when it does not exist. */
bool file_record(const struct file *file, enum segment_region_kind kind, uint64_t i, void *to);

/* Whether two files belong to one session: same boot, same start. */
bool file_same_session(const struct file *a, const struct file *b);

#endif
