/* SPDX-License-Identifier: MIT */
/* Rust's v0 mangling. */
#ifndef MEMSHIM_SYMBOLS_RUST_H
#define MEMSHIM_SYMBOLS_RUST_H

/* The name of the source, malloc'd; null: not mangled so, or damaged. `name` begins with "_R". */
char *demangle_rust(const char *name);

#endif
