/* SPDX-License-Identifier: MIT */
/*
 * An output file is written under a random name in the same folder, and renamed when it is
 * complete. So nothing is ever written through a link, a fifo or another file of that name, and a
 * reader sees the old file or the new one. Its mode is 0600, reduced by the umask.
 */
#ifndef MEMSHIM_OUTPUT_FILE_H
#define MEMSHIM_OUTPUT_FILE_H

#include <limits.h>
#include <stdbool.h>

struct output_file {
	int fd;
	int folder; /* -1: it is not renamed */
	char place[NAME_MAX + 1];
	char beside[64];
};

/*
 * `folder` as for openat(2). A descriptor of this process, named as /dev/stdout or /dev/fd/N, and a
 * character device below /dev are written to directly. False with errno: EINVAL when the path is
 * anything else that is not a regular file.
 */
bool output_file_open(struct output_file *file, int folder, const char *path);

/* Closes the file; renames it when it is `whole`, else removes it. 0 or errno. */
int output_file_close(struct output_file *file, bool whole);

/* Why it cannot be opened, as a message. */
const char *output_file_error(int error);

#endif
