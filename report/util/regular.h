/* SPDX-License-Identifier: MIT */
/*
 * Opens files whose names come from a recording, from another program's file, or from a folder that
 * others write to. Such a name may stand for a fifo, a device or a kernel file: opening one of them
 * can block, take a message away, or start a machine's watchdog. So the name is opened with O_PATH,
 * which does nothing to the file; what it stands for is checked; and only that is opened.
 */
#ifndef MEMSHIM_REGULAR_H
#define MEMSHIM_REGULAR_H

/*
 * A descriptor to read from, or -1 with errno: EISDIR for a folder, ENXIO for anything else that is
 * no regular file of a file system for data. `flags`: 0 or O_NOFOLLOW. `folder` as for openat(2).
 */
int regular_open(int folder, const char *path, int flags);

/* The descriptor that /dev/stdin, /dev/stdout, /dev/stderr or /dev/fd/N names; -1: another path. */
int regular_named_descriptor(const char *path);

#endif
