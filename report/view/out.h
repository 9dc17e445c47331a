/* SPDX-License-Identifier: MIT */
/*
 * Everything that goes to standard output goes through here: one buffer, no formatting by printf,
 * and an error that is remembered and told once, at the end.
 *
 * Text from a program may hold anything. out_safe is for people: what is not printable UTF-8 is
 * shown as '?', so no escape sequence reaches a terminal. out_json and out_csv are for programs:
 * always valid UTF-8, and always valid JSON or CSV; what is not printable is escaped in JSON,
 * and what a spreadsheet would take for a formula begins with a quote in CSV.
 */
#ifndef MEMSHIM_VIEW_OUT_H
#define MEMSHIM_VIEW_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define OUT_BYTES 65536u /* written at once: files take whole blocks in half the time */
#define OUT_SLACK 8192u
#define OUT_BLANKS 64u /* written at once */

struct output_file;

struct out {
	int fd;
	struct output_file *file; /* that fd belongs to; null: standard output */
	const char *name;         /* for messages */
	int error;                /* errno of the first write that failed */
	bool color;               /* escape sequences are welcome */
	bool utf8;                /* so are characters outside ASCII */
	bool dies_of_pipe; /* out_finish ends the program by SIGPIPE when its reader has gone */
	unsigned width;    /* columns */
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
/* Whole blocks only, so that there is room again. */
void out_flush_blocks(struct out *out);

/* Flushes; 0, or EXIT_ABSENT after one line when something could not be written. */
int out_finish(struct out *out);

void out_raw(struct out *out, const char *bytes, size_t count);

static inline char *out_capacity(struct out *out, size_t bytes)
{
	if (__builtin_expect(out->used + bytes > OUT_BYTES + OUT_SLACK, 0))
		out_flush_blocks(out);
	return out->buffer + out->used;
}

/* Takes in what was written there, up to `end`. */
static inline void out_to(struct out *out, const char *end)
{
	out->used = (size_t)(end - out->buffer);
}

static inline void out_char(struct out *out, char c)
{
	*out_capacity(out, 1) = c;
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
	memcpy(out_capacity(out, length), text, length);
	out->used += length;
}

void out_number(struct out *out, uint64_t number);
void out_signed(struct out *out, int64_t number);
/* Right-aligned to `width` with blanks. */
void out_number_wide(struct out *out, uint64_t number, unsigned width);
/* `digits` digits at least, with leading zeros. */
void out_digits(struct out *out, uint64_t number, unsigned digits);
void out_hex(struct out *out, uint64_t number); /* "0x1f" */
void out_octal(struct out *out, unsigned number, unsigned digits);
void out_pad(struct out *out, size_t count);

void out_safe(struct out *out, const char *text);
/* out_safe, cut or padded to `width` columns. */
void out_safe_wide(struct out *out, const char *text, unsigned width);
void out_json(struct out *out, const char *text); /* with its quotes */
void out_csv(struct out *out, const char *text);  /* quoted where it must be */
void out_xml(struct out *out, const char *text);  /* UTF-8, whatever the terminal's characters */

/* Columns that out_safe takes. */
size_t out_columns(const char *text);

/* "" unless colours are on. */
void out_color(struct out *out, enum out_color color);

#endif
