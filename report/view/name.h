/* SPDX-License-Identifier: MIT */
/* Names that are too long for their column. */
#ifndef MEMSHIM_VIEW_NAME_H
#define MEMSHIM_VIEW_NAME_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The name in at most `columns`, and in less than `bytes`: its middle is left out, so that both its
 * beginning and its end tell it from others. `utf8`: whether the page can show an ellipsis.
 */
const char *name_shorten(const char *name, unsigned columns, bool utf8, char *text, size_t bytes);

#endif
