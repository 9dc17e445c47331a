/* SPDX-License-Identifier: MIT */
/*
 * Finds the shim: libmemshim.so in ../lib, relative to this program's folder. A small file: only
 * `record` and `env` preload the shim.
 */
#ifndef MEMSHIM_UTIL_LIBRARY_H
#define MEMSHIM_UTIL_LIBRARY_H

#include <limits.h>
#include <stdbool.h>

/* The shim's absolute path, with symbolic links resolved. False after one line. */
bool library_find(char library[PATH_MAX]);

#endif
