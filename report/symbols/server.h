/* SPDX-License-Identifier: MIT */
/*
 * Files by build id from the debuginfod servers that DEBUGINFOD_URLS names, through elfutils' own
 * client, if that is installed: what was fetched once lies in its cache. A line tells what is being
 * fetched. Servers that keep us waiting are asked no more.
 */
#ifndef MEMSHIM_SERVER_H
#define MEMSHIM_SERVER_H

#include <stddef.h>

#include "report/symbols/protocol.h"

struct server;

/*
 * Null when there is nobody to ask, after a line that says why. Takes DEBUGINFOD_URLS out of the
 * environment, so that libdw does not ask by itself.
 */
struct server *server_open(void);
void server_close(struct server *server);

/* A descriptor and its path, which is the caller's to free; -1 when no server has it. `name` is for
 * people. */
int server_find(struct server *server, enum server_options options, const unsigned char *build_id,
		size_t build_id_bytes, const char *name, char **path);

#endif
