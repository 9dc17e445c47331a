/* SPDX-License-Identifier: MIT */
/*
 * In the symbol child: files come from the reporter, which looks at each before it opens it. One
 * thread, and signal handlers that run while it waits for nothing else.
 */
#ifndef MEMSHIM_SYMBOLS_BROKER_H
#define MEMSHIM_SYMBOLS_BROKER_H

#include <stdint.h>

#include "report/symbols/protocol.h"

void broker_begin(int socket);

/* A descriptor, or -errno. Safe in a signal handler. */
int broker_open(const char *path);

/* A descriptor and in *path, which is the caller's to free, its path; or -errno. */
int broker_fetch(enum server_options options, const unsigned char *build_id, size_t build_id_bytes,
		 const char *name, char **path);

/* Bytes that the files handed over hold on their disks: what one may spend on reading them. */
uint64_t broker_handed_bytes(void);

/* The bytes of one file that take room on its disk: holes are not counted. */
uint64_t broker_real_bytes(int fd);

#endif
