/* SPDX-License-Identifier: MIT */
/* The semaphore sets and queues of a process, beside the drawing of its address space. */
#ifndef MEMSHIM_VIEW_MAP_USES_H
#define MEMSHIM_VIEW_MAP_USES_H

#include "report/model/zones.h"
#include "report/view/json.h"

#define MAP_USES_MOST 4u /* lines: each for one set or queue; the last may count the others */

/* "set 3: 5 operations; waits in semop for semaphore 1 (-1)" without the end of the line. */
void map_use_text(struct out *out, const struct zones *zones, uint32_t line);

/* The number of lines. */
uint32_t map_use_lines(const struct zones *zones);

/* The member "uses". */
void map_uses_json(struct json *json, const struct zones *zones);

#endif
