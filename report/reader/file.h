/* SPDX-License-Identifier: MIT */
/*
 * One file of a session, opened to be read and never trusted: its header is copied and checked,
 * and every other byte is fetched through file_read, which knows the real size. A live segment is
 * mapped, because its log must be read by the protocol of publish.h; a recording is only read, so
 * that its size is nobody's memory.
 */
#ifndef MEMSHIM_READER_FILE_H
#define MEMSHIM_READER_FILE_H

#include <limits.h>
#include <stdbool.h>

#include "preload/segment/layout.h"

struct file {
	int fd;           /* -1: closed */
	bool is_foreign;  /* refused, as another user's */
	const char *base; /* a live segment's mapping, else null */
	uint64_t bytes;   /* real size, at the last look */
	struct segment_header header;
	char path[PATH_MAX];
};

#define FILE_WHY_BYTES 256

/*
 * False with the reason in why. A file of another user's is refused before it is read, and so is
 * one that is not regular before it is opened.
 */
bool file_open(struct file *file, const char *path, char why[FILE_WHY_BYTES]);
/*
 * The same with its descriptor, which is taken; -1: errno says why there is none. Whoever made the
 * file, and has it open, need not ask whose it is.
 */
bool file_open_descriptor(struct file *file, int fd, const char *path, char why[FILE_WHY_BYTES]);
void file_close(struct file *file);

static inline bool file_is_open(const struct file *file)
{
	return file->fd >= 0;
}

/* Looks at size and header again: a recording grows. False, and nothing changed, if it is gone bad.
 */
bool file_refresh(struct file *file);

/* Copies [offset, offset + bytes); false when that is not all there. */
bool file_read(const struct file *file, uint64_t offset, void *to, uint64_t bytes);

/* From offset on, where bytes begin that may not be zero; file->bytes when there are none. */
uint64_t file_skip_hole(const struct file *file, uint64_t offset);

/* Copies record `i` of a live segment's region; false when it is not there. */
bool file_record(const struct file *file, enum segment_region_kind kind, uint64_t i, void *to);

/* Whether two files are one session's: begun at the same instant of the same start of a machine. */
bool file_same_session(const struct file *a, const struct file *b);

#endif
