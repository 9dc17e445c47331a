/* SPDX-License-Identifier: MIT */
/* C++ and Rust names as their programmers wrote them. */
#ifndef MEMSHIM_DEMANGLE_H
#define MEMSHIM_DEMANGLE_H

/* A malloc'd text; null when the name is not mangled, or nothing here can read it. */
char *demangle_name(const char *name);

/* Of Rust's newer names, which begin with "_R". */
char *demangle_rust(const char *name);

#endif
