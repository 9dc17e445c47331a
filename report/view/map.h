/* SPDX-License-Identifier: MIT */
/* An address space: a picture for people, highest address on top, or JSON, lowest address first. */
#ifndef MEMSHIM_VIEW_MAP_H
#define MEMSHIM_VIEW_MAP_H

#include "report/model/zones.h"
#include "report/view/out.h"

struct map_options {
	const struct zones *before; /* an earlier look: what moved since is marked; or null */
	bool scale;                 /* a zone is as high as it is large */
	bool all;                   /* each mapping has a line */
	bool over;           /* drawn over an earlier picture: what is left of that is erased */
	unsigned lines_most; /* of the screen; 0: as many as there are */
};

/* False without memory. */
bool map_text(struct out *out, const struct zones *zones, const struct map_options *options);

void map_json(struct out *out, const struct zones *zones);

#endif
