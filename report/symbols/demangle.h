/* SPDX-License-Identifier: MIT */
/* Turns mangled C++ and Rust names into the names of the source. */
#ifndef MEMSHIM_SYMBOLS_DEMANGLE_H
#define MEMSHIM_SYMBOLS_DEMANGLE_H

/* Returns a malloc'd text, or null: not mangled, or no demangler understands it. */
char *demangle_name(const char *name);

#endif
