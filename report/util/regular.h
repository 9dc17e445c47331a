/* SPDX-License-Identifier: MIT */
/*
 * Opens files whose names come from a recording, from another program's file, or from a folder that
 * other users write to. Such a name may mean a fifo, a device or a kernel file: opening it can
 * block, remove a message, or start a watchdog. So the name is opened with O_PATH, which does not
 * affect the file; its type is checked; and then that same file is opened.
 */
#ifndef MEMSHIM_REGULAR_H
#define MEMSHIM_REGULAR_H

/*
 * A descriptor to read from, or -1 with errno: EISDIR for a folder, ENXIO for a file that is not
 * regular or is in a kernel file system. `flags`: 0 or O_NOFOLLOW. `folder` as for openat(2).
 */
int regular_open(int folder, const char *path, int flags);

/* The descriptor that /dev/stdin, /dev/stdout, /dev/stderr or /dev/fd/N names; -1: another path. */
int regular_named_descriptor(const char *path);

#endif
