/* SPDX-License-Identifier: MIT */
/* Where the shim is: libmemshim.so in ../lib beside this program. */
#ifndef MEMSHIM_UTIL_LIBRARY_H
#define MEMSHIM_UTIL_LIBRARY_H

#include <limits.h>
#include <stdbool.h>

/* The shim's absolute path, without links. False after one line. */
bool library_find(char library[PATH_MAX]);

#endif
