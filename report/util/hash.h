/* SPDX-License-Identifier: MIT */
/*
 * uthash. Without memory, an insertion leaves hh.tbl null and does not end the program. A file that
 * defines uthash_nonfatal_oom(element) before it includes this header can note it there.
 */
#ifndef MEMSHIM_UTIL_HASH_H
#define MEMSHIM_UTIL_HASH_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
