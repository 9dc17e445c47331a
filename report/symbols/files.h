/* SPDX-License-Identifier: MIT */
/*
 * In the symbol child: the files that modules were loaded from, looked for where they were, below
 * another root, and, if the user turns that on, at debuginfod servers; and their debug files. One
 * is believed only if it is what was loaded: the build id must be the same, or, where it has none,
 * the file must be older than the session, and have come to its place before.
 */
#ifndef MEMSHIM_FILES_H
#define MEMSHIM_FILES_H

#include <elfutils/libdwfl.h>

#include "report/symbols/symbols.h"

struct files;

/* One Dwfl for each, holding that one file at address 0: so its addresses are the frames' offsets.
 */
struct file {
	UT_hash_handle hh;
	struct module_facts facts;
	Dwfl *dwfl;
	Dwfl_Module *module;
	enum module_names names;
	uint64_t bytes; /* that it and its debug files hold on their disks */
	bool fetches;   /* what is not here is asked for */
	bool has_debug; /* what is asked for next is what several debug files share */
};

/* Null without memory. They are there until the child ends. */
struct files *files_open(const struct symbols_options *options);

/* Opens the file, if it is not open yet; null without memory. */
struct file *files_add(struct files *files, const struct module_facts *facts);

/* Null: it was not added. */
struct file *files_find(struct files *files, uint32_t number);

/* The path of the file that lines come from; null: none do. */
const char *file_source(const struct file *file);

#endif
