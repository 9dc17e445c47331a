/* SPDX-License-Identifier: MIT */
/* What a key does to the live screen. */
#ifndef MEMSHIM_TOP_KEY_ACTIONS_H
#define MEMSHIM_TOP_KEY_ACTIONS_H

#include "report/top/top.h"

void key_act(struct top *top, int code);

#endif
