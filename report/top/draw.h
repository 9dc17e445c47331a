/* SPDX-License-Identifier: MIT */
/* The live screen's head, body and foot. */
#ifndef MEMSHIM_TOP_DRAW_H
#define MEMSHIM_TOP_DRAW_H

#include "report/top/top.h"

void draw_all(struct top *top);

/* Lines of the screen that the list or the page may use. */
unsigned draw_capacity(const struct top *top);

#endif
