/* SPDX-License-Identifier: MIT */
/* The only file that knows zlib. */
#include "report/export/gzip.h"

#define GZIP_WINDOW_BITS (15 + 16) /* 16: a gzip header, not zlib's own */
#define GZIP_MEMORY_LEVEL 8

bool gzip_begin(struct gzip *gzip, struct out *out)
{
	*gzip = (struct gzip){.out = out};
	return deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS,
			    GZIP_MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
}

/* Compresses all input; with Z_FINISH, writes the end too. */
static void gzip_put(struct gzip *gzip, int flush)
{
	unsigned char bytes[4096];
	int done;

	do {
		gzip->stream.next_out = bytes;
		gzip->stream.avail_out = sizeof bytes;
		done = deflate(&gzip->stream, flush);
		out_raw(gzip->out, (const char *)bytes, sizeof bytes - gzip->stream.avail_out);
	} while (done == Z_OK && gzip->stream.avail_out == 0);
}

void gzip_write(struct gzip *gzip, const void *bytes, size_t count)
{
	gzip->stream.next_in = (unsigned char *)bytes;
	gzip->stream.avail_in = (unsigned)count;
	gzip_put(gzip, Z_NO_FLUSH);
}

void gzip_end(struct gzip *gzip)
{
	gzip_put(gzip, Z_FINISH);
	deflateEnd(&gzip->stream);
}
