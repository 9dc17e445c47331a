/* SPDX-License-Identifier: MIT */
/*
 * All output to standard output: one buffer, no printf, and the first write error is kept and
 * reported once, at the end.
 *
 * Text from a program may contain any bytes. out_safe is for terminals: it shows '?' for what is
 * not printable UTF-8, so no escape sequence reaches the terminal. out_json and out_csv are for
 * programs: their output is always valid UTF-8 and valid JSON or CSV. JSON escapes unprintable
 * characters. CSV puts a quote before text that a spreadsheet would read as a formula.
 */
#ifndef MEMSHIM_VIEW_OUT_H
#define MEMSHIM_VIEW_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OUT_BYTES 65536u /* bytes per write(2): whole blocks take half the time on files */
#define OUT_SLACK 8192u
#define OUT_BLANKS 64u /* blanks per copy */

struct output_file;

struct out {
	int fd;
	struct output_file *file; /* the owner of fd; null: standard output */
	const char *name;         /* in messages */
	int error;                /* errno of the first failed write(2); 0 none */
	bool color;               /* write color escape sequences */
	bool utf8;                /* write characters outside ASCII */
	bool dies_of_pipe;        /* out_finish ends the process by SIGPIPE after EPIPE */
	unsigned width;           /* columns of the page */
	size_t used;
	char buffer[OUT_BYTES + OUT_SLACK];
};

enum out_color {
	COLOR_NONE,
	COLOR_BOLD,
	COLOR_DIM,
	COLOR_RED,
	COLOR_YELLOW,
	COLOR_CYAN,
	COLOR_GREEN
};

void out_flush(struct out *out);
/* Writes whole blocks only, to make space in the buffer. */
void out_flush_blocks(struct out *out);

/* Flushes. 0, or EXIT_ABSENT after a message if a write failed. */
int out_finish(struct out *out);

void out_raw(struct out *out, const char *bytes, size_t count);

static inline char *out_reserve(struct out *out, size_t bytes)
{
	if (__builtin_expect(out->used + bytes > OUT_BYTES + OUT_SLACK, 0))
		out_flush_blocks(out);
	return out->buffer + out->used;
}

/* Accepts the bytes that the caller wrote into the buffer, up to `end`. */
static inline void out_to(struct out *out, const char *end)
{
	out->used = (size_t)(end - out->buffer);
}

static inline void out_char(struct out *out, char c)
{
	*out_reserve(out, 1) = c;
	out->used++;
}

static inline void out_text(struct out *out, const char *text)
{
	out_raw(out, text, strlen(text));
}

/* A string constant: its length is known to the compiler. */
#define OUT(out, constant) out_constant(out, constant, sizeof(constant) - 1)
static inline void out_constant(struct out *out, const char *text, size_t length)
{
	memcpy(out_reserve(out, length), text, length);
	out->used += length;
}

void out_number(struct out *out, uint64_t number);
void out_signed(struct out *out, int64_t number);
/* Right-aligned to `width` with blanks. */
void out_number_wide(struct out *out, uint64_t number, unsigned width);
/* At least `digits` digits, with leading zeros. */
void out_digits(struct out *out, uint64_t number, unsigned digits);
void out_hex(struct out *out, uint64_t number); /* "0x1f" */
void out_octal(struct out *out, unsigned number, unsigned digits);
void out_pad(struct out *out, size_t count);

void out_safe(struct out *out, const char *text);
/* out_safe, cut or padded to `width` columns. */
void out_safe_wide(struct out *out, const char *text, unsigned width);
/* out_safe, wrapped at the page's width, each line after `indent` blanks; ends the line. */
void out_wrapped(struct out *out, const char *text, unsigned indent);
void out_json(struct out *out, const char *text); /* with its quotes */
void out_csv(struct out *out, const char *text);  /* quoted only where necessary */
void out_xml(struct out *out, const char *text);  /* always UTF-8, in every locale */

/* The number of columns that out_safe prints. */
size_t out_columns(const char *text);

/* Starts a color; writes nothing unless out->color. */
void out_color(struct out *out, enum out_color color);

#endif
