/* SPDX-License-Identifier: MIT */
/*
 * uthash. An insertion that gets no memory leaves hh.tbl null, and does not end the program. A file
 * that defines uthash_nonfatal_oom(element) before it includes this one is told of it there.
 */
#ifndef MEMSHIM_UTIL_HASH_H
#define MEMSHIM_UTIL_HASH_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
