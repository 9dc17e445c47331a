/* SPDX-License-Identifier: MIT */
/* Standard output and error: whether it takes colors, its width, and which characters it can show.
 */
#ifndef MEMSHIM_VIEW_PAGE_H
#define MEMSHIM_VIEW_PAGE_H

#include "report/view/out.h"

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* Of standard output there is one. */
struct out *page_begin(enum color_when color);

/* Standard error, for lines that are more than a message. */
struct out *page_messages(void);

/* A file; null after one line. One at a time; out_finish puts it into its place. */
struct out *page_file(const char *path);

#endif
