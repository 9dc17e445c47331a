/* SPDX-License-Identifier: MIT */
/*
 * Gets files by build id from the debuginfod servers in DEBUGINFOD_URLS. The client is elfutils'
 * libdebuginfod, if that is installed, which keeps fetched files in a cache of its own. A line on
 * standard error shows the progress. After waiting too long for nothing, the servers are not asked
 * again.
 */
#ifndef MEMSHIM_SYMBOLS_SERVER_H
#define MEMSHIM_SYMBOLS_SERVER_H

#include <stddef.h>

#include "report/symbols/protocol.h"

struct server;

/*
 * Returns null when no server can be asked, after a line that says why. Removes DEBUGINFOD_URLS
 * from the environment: with it, libdw would ask the servers itself.
 */
struct server *server_open(void);
void server_close(struct server *server);

/*
 * Returns a descriptor, and in *path a path that the caller frees; -1 when no server has the file.
 * `name` is for messages.
 */
int server_find(struct server *server, enum server_file kind, const unsigned char *build_id,
		size_t build_id_bytes, const char *name, char **path);

#endif
