/* SPDX-License-Identifier: MIT */
/* An address space as a drawing, with the highest address on top. */
#ifndef MEMSHIM_VIEW_MAP_TEXT_H
#define MEMSHIM_VIEW_MAP_TEXT_H

#include "report/view/map_rows.h"

/* False without memory. */
bool map_text(struct out *out, const struct zones *zones, const struct map_options *options);

#endif
