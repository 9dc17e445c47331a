/* SPDX-License-Identifier: MIT */
/*
 * Runs in the symbol child. Opens the files that modules were loaded from, and their debug files:
 * at the recorded path, below --sysroot, or, with --debuginfod, from debuginfod servers. A file is
 * used only when it is the one that was loaded. Its build id must be the module's. A file without a
 * build id must be older than the session by mtime, and, without --sysroot, also by ctime.
 */
#ifndef MEMSHIM_SYMBOLS_FILES_H
#define MEMSHIM_SYMBOLS_FILES_H

#include <elfutils/libdwfl.h>

#include "report/symbols/symbols.h"

struct files;

/* Each file has a Dwfl of its own, at address 0: its addresses equal the frames' offsets. */
struct file {
	UT_hash_handle hh;
	struct module_facts facts;
	Dwfl *dwfl;
	Dwfl_Module *module;
	enum module_names names;
	uint64_t bytes; /* on disk, of the file and its debug files */
	bool fetches;   /* debuginfod servers are asked for missing files */
	bool has_debug; /* the next file to be found is the shared one (dwz) */
};

/* Null without memory. The files stay open until the child ends. */
struct files *files_open(const struct symbols_options *options);

/* Opens the file unless it is open. Null without memory. */
struct file *files_add(struct files *files, const struct module_facts *facts);

/* Null when files_add was not called for it. */
struct file *files_find(struct files *files, uint32_t number);

/* The path of the file with the line numbers, or null: there are none. */
const char *file_source(const struct file *file);

#endif
