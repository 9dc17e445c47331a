/* SPDX-License-Identifier: MIT */
/* Names that are too long for their column. */
#ifndef MEMSHIM_VIEW_NAME_H
#define MEMSHIM_VIEW_NAME_H

#include "report/view/out.h"

/*
 * The name in at most `columns`, and in less than `bytes`: its middle is left out, so that both its
 * beginning and its end tell it from others. `utf8`: whether the page can show an ellipsis.
 */
const char *name_shorten(const char *name, unsigned columns, bool utf8, char *text, size_t bytes);

/* Prints as many whole words as fit into `columns`. */
void name_put_words(struct out *out, const char *text, unsigned columns);

#endif
