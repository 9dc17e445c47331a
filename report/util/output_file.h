/* SPDX-License-Identifier: MIT */
/*
 * A file that is written for the user: beside its place, with a name that nobody can have planted,
 * and renamed when it is whole. So a link, a fifo or another file in its place is never written
 * through, and a reader sees the old file or the new one. Its mode is 0600, or less by the umask.
 */
#ifndef MEMSHIM_OUTPUT_FILE_H
#define MEMSHIM_OUTPUT_FILE_H

#include <limits.h>
#include <stdbool.h>

struct output_file {
	int fd;
	int folder; /* -1: there is nothing to rename */
	char place[NAME_MAX + 1];
	char beside[64];
};

/*
 * `folder` as for openat(2). A descriptor that the caller names, as /dev/stdout or /dev/fd/N, and a
 * character device below /dev are written to as they are. False with errno: EINVAL for anything
 * else that is there and is no regular file.
 */
bool output_file_open(struct output_file *file, int folder, const char *path);

/* Closes it; renames it into place when it is whole, else removes it. 0 or errno. */
int output_file_close(struct output_file *file, bool whole);

/* Why it cannot be opened, in words. */
const char *output_file_error(int error);

#endif
