/* SPDX-License-Identifier: MIT */
/* An address space: a drawing with the highest address on top, or JSON with the lowest first. */
#ifndef MEMSHIM_VIEW_MAP_H
#define MEMSHIM_VIEW_MAP_H

#include "report/model/zones.h"
#include "report/view/out.h"

struct map_options {
	const struct zones *before; /* an earlier sample, to mark what changed since; or null */
	bool scale;                 /* the height of a zone follows its size */
	bool all;                   /* one line per mapping */
	bool over;           /* overwrite an earlier drawing on the terminal, and erase its rest */
	unsigned lines_most; /* of the terminal; 0: no limit */
};

/* False without memory. */
bool map_text(struct out *out, const struct zones *zones, const struct map_options *options);

void map_json(struct out *out, const struct zones *zones);

#endif
