/* SPDX-License-Identifier: MIT */
/*
 * An address space from a recording. A recording knows the break and the attachments, and of the
 * other mappings only those that call stacks need. An image that has ended has no attachments any
 * more: the zones are those just before its end.
 */
#ifndef MEMSHIM_MODEL_ZONES_RECORDED_H
#define MEMSHIM_MODEL_ZONES_RECORDED_H

#include "report/model/zones.h"

/* Its attachments are among the zones, with their other holders of that time. */
struct zones *zones_recorded(const struct model *model, const struct model_process *process);

#endif
