/* SPDX-License-Identifier: MIT */
/* Standard output, as it is: a terminal or not, how wide, which characters it can show. */
#ifndef MEMSHIM_VIEW_PAGE_H
#define MEMSHIM_VIEW_PAGE_H

#include "report/options.h"
#include "report/view/out.h"

/* The one `struct out` there is. */
struct out *page_begin(enum color_when color);

#endif
