/* SPDX-License-Identifier: MIT */
/*
 * From an address in a loaded file to functions and lines, after the process has gone: by libdw,
 * from the file itself and its separate debug information (.gnu_debuglink, /usr/lib/debug by build
 * id, and a debuginfod server if the user turns that on). Only of the file that was loaded: never a
 * wrong name.
 */
#ifndef MEMSHIM_SYMBOLS_H
#define MEMSHIM_SYMBOLS_H

#include "report/model/model.h"

struct symbols;

struct symbols_wish {
	const char *sysroot;  /* the recorded machine's files are below it; null: here */
	bool debuginfod;      /* ask the servers of DEBUGINFOD_URLS */
	uint64_t realtime_ns; /* when the session began */
};

/* Null without memory. */
struct symbols *symbols_open(const struct symbols_wish *wish);
void symbols_close(struct symbols *symbols);

/* What is known of a file's symbols; looks at it the first time it is asked. */
enum module_names symbols_module(struct symbols *symbols, const struct module_facts *module);

/*
 * The places that one address stands for: the innermost inlined function first, the function that
 * has the code last. Returns how many, 0 when it cannot be named. Text lives as long as `symbols`.
 */
uint32_t symbols_find(struct symbols *symbols, const struct module_facts *module, uint64_t offset,
		      bool exact, struct frame_place places[FRAME_PLACES_MAX]);

#endif
