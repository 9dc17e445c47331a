/* SPDX-License-Identifier: MIT */
/*
 * From an address in a loaded file to functions and lines, after the process has gone: from the
 * file itself and its separate debug information (.gnu_debuglink, /usr/lib/debug by build id, and a
 * debuginfod server if the user turns that on). Only of the file that was loaded: never a wrong
 * name. The files are read by a child process with limits of its own; here are its answers, and the
 * names that earlier reports kept.
 */
#ifndef MEMSHIM_SYMBOLS_H
#define MEMSHIM_SYMBOLS_H

#include "report/model/model.h"

struct symbols;

struct symbol_address {
	uint64_t offset;
	bool exact; /* else a return address: the call before it is meant */
};

struct symbols_options {
	const char *sysroot;  /* the recorded machine's files are below it; null: here */
	bool debuginfod;      /* ask the servers of DEBUGINFOD_URLS */
	bool live;            /* a screen waits: less patience */
	uint64_t realtime_ns; /* when the session began */
};

/* Null without memory. */
struct symbols *symbols_open(const struct symbols_options *options);
void symbols_close(struct symbols *symbols);

/*
 * Is told the places that address number `i` stands for: the innermost inlined function first, the
 * function that has the code last; count 0 when it cannot be named. Text lives as long as
 * `symbols`.
 */
typedef void symbols_visitor(void *context, uint32_t i, const struct frame_place *places,
			     uint32_t count);

/* Asks for addresses of one module, in any order; what is known of its symbols. */
enum module_names symbols_find(struct symbols *symbols, const struct module_facts *module,
			       const struct symbol_address *addresses, uint32_t count,
			       symbols_visitor *visit, void *context);

#endif
