/* SPDX-License-Identifier: MIT */
/* Gives each different key a number: 1, 2, 3 ... in the order in which they first came. */
#ifndef MEMSHIM_EXPORT_INTERN_H
#define MEMSHIM_EXPORT_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct intern_row;

struct intern {
	struct intern_row *rows;
	uint64_t count;
	bool no_memory;
};

/* The number of the key; *is_new: it came for the first time. 0 without memory. */
uint64_t intern_key(struct intern *table, const void *key, size_t bytes, bool *is_new);

/* Valid UTF-8 without controls, as protocol buffers and terminals need it; else as intern_key. */
uint64_t intern_text(struct intern *table, const char *text, bool *is_new);

/* Visits the keys in the order of their numbers. */
typedef void intern_visit(void *context, const void *key, size_t bytes);
/* The key that came last. */
void intern_last(const struct intern *table, intern_visit *visit, void *context);
void intern_each(const struct intern *table, intern_visit *visit, void *context);

void intern_free(struct intern *table);

#endif
