/* SPDX-License-Identifier: MIT */
#ifndef MEMSHIM_UTIL_PATH_H
#define MEMSHIM_UTIL_PATH_H

#include <string.h>

/* The path behind its last slash; the whole path when it has none. */
static inline const char *path_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

#endif
