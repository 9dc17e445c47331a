/* SPDX-License-Identifier: MIT */
/* Which processes map a segment, by the kernel. */
#ifndef MEMSHIM_MODEL_HOLDERS_H
#define MEMSHIM_MODEL_HOLDERS_H

#include "report/model/model.h"

/* After the last event: sorts the holders, and ends the attachments that no holder confirms. */
void holders_finalize(struct model *model);

#endif
