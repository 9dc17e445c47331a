/* SPDX-License-Identifier: MIT */
/* Compressed output, as gzip(1) reads it. Equal contents give equal bytes. */
#ifndef MEMSHIM_EXPORT_GZIP_H
#define MEMSHIM_EXPORT_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <zlib.h>

#include "report/view/out.h"

struct gzip {
	z_stream stream;
	struct out *out;
};

/* False without memory. */
bool gzip_begin(struct gzip *gzip, struct out *out);
void gzip_write(struct gzip *gzip, const void *bytes, size_t count);
void gzip_end(struct gzip *gzip);

#endif
