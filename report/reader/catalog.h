/* SPDX-License-Identifier: MIT */
/*
 * The catalog: which process created the objects that ended sessions left behind. Objects live
 * until the machine restarts, and so do files in the folder of live segments; a recording may have
 * been moved or deleted. Each session has a text file NAME-START.left in that folder, one object a
 * line:
 *
 *   memshim left objects 1
 *   session NAME START RECORDING BOOT-ID IPC-INODE IPC-ID PID-INODE      each after a tab
 *   shm ID KEY SIZE CUID CPID CHANGED MADE STARTED REMOVED REMOVER PROGRAM CMDLINE SITE
 *   sem and msg: the same; CPID is the creator's as the session knew it, for the kernel has none
 *
 * A file is written under a temporary name and renamed. A program holds the folder's lock
 * (flock(2)) while it changes a file.
 */
#ifndef MEMSHIM_READER_CATALOG_H
#define MEMSHIM_READER_CATALOG_H

#include <stddef.h>

#include "report/reader/facts.h"

#define CATALOG_OBJECTS_MOST 4096u /* in one file */

struct catalog_object {
	struct kernel_segment segment; /* only kind, id, key, size, creator, changed are set */
	uint64_t made_ns, started_ns;  /* the object; its creator's image. Since 1970; 0 unknown */
	uint64_t removed_s;            /* by memshim reap, seconds since 1970; 0: not removed */
	uint32_t remover_uid;
	char program[64], cmdline[137];
	char site[256]; /* "function (file:line)", or "module+0x1f"; "" unknown */
};

struct catalog {
	char name[64];       /* of the session */
	char recording[512]; /* absolute; "" none */
	char boot_id[40];
	uint64_t start_ns; /* since 1970 */
	uint64_t ipc_namespace, ipc_namespace_id, pid_namespace;
	bool same_ipc, maybe_ipc, same_pids; /* as in struct session_facts */
	struct catalog_object *objects;
	uint32_t count;
};

/* Fills in all that the catalog stores of a session, except its objects. */
struct source;
void catalog_begin(struct catalog *catalog, const struct source *source);
void catalog_free(struct catalog *catalog);

/* The folder of the session's live segment and of its catalog file. False when not known. */
bool catalog_folder(const struct source *source, char *path, size_t bytes);

/* Replaces the session's file; without objects the file is removed. False with errno. */
bool catalog_write(const char *folder, const struct catalog *catalog);

/*
 * Calls `visit` for each file of a folder that this user or root wrote. When `visit` returns true,
 * the catalog that it changed is written back: then the folder must be this user's.
 */
void catalog_each(const char *folder, bool (*visit)(void *context, struct catalog *catalog),
		  void *context);

#endif
