/* SPDX-License-Identifier: MIT */
/* The address space for programs: each mapping is a zone, lowest address first. */
#ifndef MEMSHIM_VIEW_MAP_JSON_H
#define MEMSHIM_VIEW_MAP_JSON_H

#include "report/model/zones.h"
#include "report/view/out.h"

void map_json(struct out *out, const struct zones *zones);

#endif
