/* SPDX-License-Identifier: MIT */
/*
 * Turns an address in a loaded file into functions and lines, after the process has ended. Names
 * come from the file and its separate debug information: .gnu_debuglink, /usr/lib/debug by build
 * id, and, with --debuginfod, a debuginfod server. Only the file that was loaded is used, so no
 * name is wrong. A child process with limits of its own reads the files. The reporter asks the
 * child, and the cache of earlier reports.
 */
#ifndef MEMSHIM_SYMBOLS_SYMBOLS_H
#define MEMSHIM_SYMBOLS_SYMBOLS_H

#include "report/model/model.h"

struct symbols;

struct symbol_address {
	uint64_t offset;
	bool exact; /* false: a return address, which stands for the call before it */
};

struct symbols_options {
	const char *sysroot;  /* the root folder of the recorded machine's files; null: / */
	bool debuginfod;      /* ask the servers of DEBUGINFOD_URLS */
	bool live;            /* the live screen waits: use shorter time limits */
	uint64_t realtime_ns; /* when the session began */
};

/* Null without memory. */
struct symbols *symbols_open(const struct symbols_options *options);
void symbols_close(struct symbols *symbols);

/*
 * Receives the places of address number `i`: the innermost inlined function first, the function
 * that contains the code last. count is 0 when there is no name. `symbols` owns the text.
 */
typedef void symbols_visitor(void *context, uint32_t i, const struct frame_place *places,
			     uint32_t count);

/*
 * Calls `visit` for each address of the module, in any order. Returns which names the module has.
 */
enum module_names symbols_find(struct symbols *symbols, const struct module_facts *module,
			       const struct symbol_address *addresses, uint32_t count,
			       symbols_visitor *visit, void *context);

#endif
