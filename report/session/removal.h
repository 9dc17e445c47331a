/* SPDX-License-Identifier: MIT */
/*
 * Removes the segment of a session that has ended. The state in a segment is a claim of the
 * programs that wrote it, so the kernel is asked as well: a read lease (fcntl(2), F_SETLEASE) is
 * refused while any process, in any namespace, has the file open or mapped for writing.
 */
#ifndef MEMSHIM_SESSION_REMOVAL_H
#define MEMSHIM_SESSION_REMOVAL_H

#include <stdbool.h>

/*
 * Removes the segment of session `name`. Keeps in the catalog which processes created the objects
 * that the session left. False after one line.
 */
bool removal_remove(const char *name);

#endif
