/* SPDX-License-Identifier: MIT */
/*
 * Redirects libc's own entries to the shim's bodies: malloc's direct calls, dlsym and other
 * preloaded libraries use these entries, whatever symbol the shim exports. Start-up only, one
 * thread.
 */
#ifndef MEMSHIM_REDIRECT_H
#define MEMSHIM_REDIRECT_H

#include <stdbool.h>

struct link_map;

/*
 * Redirects the entries of the break and of IPC objects, all or none. True when every entry leads
 * to the shim and a query through libc's entries reached it. Otherwise everything is restored.
 * `mappings`: in, whether the entries that map memory are wanted, too; out, whether they lead to
 * the shim. Call it while shim.process is null.
 */
bool redirect_entries(const struct link_map *libc, bool *mappings);

#endif
