/* SPDX-License-Identifier: MIT */
/*
 * libc's own six entries, led to the shim's bodies: malloc's direct calls, dlsym and other
 * preloads go through them and past any symbol. Start-up only, one thread.
 */
#ifndef MEMSHIM_REDIRECT_H
#define MEMSHIM_REDIRECT_H

#include <stdbool.h>

struct link_map;

/*
 * All six or none: true when every entry leads to the shim and a query through libc's own entries
 * arrived. Whatever was written is undone otherwise. Call it while shim.process is null.
 */
bool redirect_entries(const struct link_map *libc);

#endif
