/* SPDX-License-Identifier: MIT */
/*
 * The files that modules were loaded from, looked for where they were, below another root, and, if
 * the user turns that on, at debuginfod servers; and their debug files. One is believed only if it
 * is what was loaded: the build id must be the same, or, where it has none, the file must be older
 * than the session, and have come to its place before.
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
	uint32_t number; /* the module's */
	Dwfl *dwfl;
	Dwfl_Module *module;
	enum module_names names;
	const struct module_facts *facts;
	struct server *server; /* to ask for what is not here; null: nobody */
	struct cache *cache;   /* of names; null: none */
	bool has_debug;        /* what is asked for next is what several debug files share */
};

/* Null without memory. */
struct files *files_open(const struct symbols_wish *wish);
void files_close(struct files *files);

/* Looks at it the first time it is asked; null without memory. */
const struct file *files_find(struct files *files, const struct module_facts *facts);

#endif
