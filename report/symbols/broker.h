/* SPDX-License-Identifier: MIT */
/*
 * Runs in the symbol child. The child asks the reporter for files; the reporter checks each file
 * before it opens it. The child has one thread. Its SIGSYS handler also calls broker_open, but only
 * while the thread waits for no reply.
 */
#ifndef MEMSHIM_SYMBOLS_BROKER_H
#define MEMSHIM_SYMBOLS_BROKER_H

#include <stdint.h>

#include "report/symbols/protocol.h"

void broker_begin(int socket);

/* Returns a descriptor or -errno. Safe in a signal handler. */
int broker_open(const char *path);

/* Returns a descriptor or -errno. *path is the file's path; the caller frees it. */
int broker_fetch(enum server_file kind, const unsigned char *build_id, size_t build_id_bytes,
		 const char *name, char **path);

/* Bytes on disk of all files received so far. The limits of memory and time follow it. */
uint64_t broker_handed_bytes(void);

/* Bytes on disk of one file. Holes in the file do not count. */
uint64_t broker_real_bytes(int fd);

#endif
