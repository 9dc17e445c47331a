/* SPDX-License-Identifier: MIT */
/* A copy of the model of a live session, to draw conclusions from. */
#ifndef MEMSHIM_MODEL_COPY_H
#define MEMSHIM_MODEL_COPY_H

struct model;

/*
 * The copy is finalized while the original goes on. Null without memory. It is freed
 * before the original, and read only as long as the original gets no events, frames or names.
 */
struct model *model_copy(const struct model *from);

#endif
