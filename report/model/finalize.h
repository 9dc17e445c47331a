/* SPDX-License-Identifier: MIT */
/* Conclusions at the end of a session, or of a copy of a live one. */
#ifndef MEMSHIM_MODEL_FINALIZE_H
#define MEMSHIM_MODEL_FINALIZE_H

struct model;

/* Draws the conclusions. */
void model_finalize(struct model *model);

#endif
