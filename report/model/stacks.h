/* SPDX-License-Identifier: MIT */
/* Call stacks, modules and names. */
#ifndef MEMSHIM_MODEL_STACKS_H
#define MEMSHIM_MODEL_STACKS_H

#include "report/model/model.h"

#define FRAMES_MOST (1u << 20) /* a file that claims more is damaged */

void stacks_free(struct model *model);

#endif
