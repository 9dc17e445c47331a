/* SPDX-License-Identifier: MIT */
#include "report/view/out.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "report/util/error.h"
#include "report/util/output_file.h"
#include "report/util/printable.h"
#include "report/view/digits.h"

static void out_put(struct out *out, size_t bytes)
{
	size_t done = 0;

	while (done < bytes && !out->error) {
		ssize_t wrote = write(out->fd, out->buffer + done, bytes - done);

		if (wrote > 0)
			done += (size_t)wrote;
		else if (wrote < 0 && errno != EINTR)
			out->error = errno;
	}
	memmove(out->buffer, out->buffer + bytes, out->used - bytes);
	out->used -= bytes;
}

void out_flush(struct out *out)
{
	out_put(out, out->used);
}

void out_flush_blocks(struct out *out)
{
	out_put(out, out->used < OUT_BYTES ? out->used : OUT_BYTES);
}

/*
 * Ends the process by SIGPIPE, like cat(1) in `cat FILE | head`. Returns only if the signal is
 * blocked.
 */
static int end_by_sigpipe(void)
{
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
	return EXIT_SIGNAL + SIGPIPE;
}

int out_finish(struct out *out)
{
	out_flush(out);
	/* Some file systems report a failed write(2) only at the end. */
	if (out->file) {
		int error = output_file_close(out->file, !out->error);

		out->error = out->error ? out->error : error;
	}
	if (!out->error)
		return EXIT_DONE;
	if (out->error == EPIPE && out->dies_of_pipe)
		return end_by_sigpipe();
	error_line(out->name, strerror(out->error));
	return EXIT_ABSENT;
}

void out_raw(struct out *out, const char *bytes, size_t count)
{
	while (count > 0) {
		size_t part = count < OUT_SLACK ? count : OUT_SLACK;

		memcpy(out_reserve(out, part), bytes, part);
		out->used += part;
		bytes += part;
		count -= part;
	}
}

/* ---- numbers ---- */

void out_number(struct out *out, uint64_t number)
{
	out_to(out, digits_decimal(out_reserve(out, DIGITS_BYTES), number));
}

void out_signed(struct out *out, int64_t number)
{
	out_to(out, digits_signed(out_reserve(out, DIGITS_BYTES), number));
}

void out_number_wide(struct out *out, uint64_t number, unsigned width)
{
	out_to(out, digits_wide(out_reserve(out, DIGITS_BYTES), number, width, ' '));
}

void out_digits(struct out *out, uint64_t number, unsigned digits)
{
	out_to(out, digits_wide(out_reserve(out, DIGITS_BYTES), number, digits, '0'));
}

void out_hex(struct out *out, uint64_t number)
{
	out_to(out, digits_hex(out_reserve(out, DIGITS_BYTES), number));
}

void out_octal(struct out *out, unsigned number, unsigned digits)
{
	char text[DIGITS_WIDE], *end = text + sizeof text, *at = end;

	for (; number || (size_t)(end - at) < digits; number >>= 3)
		*--at = (char)('0' + (number & 7));
	out_constant(out, at, (size_t)(end - at));
}

void out_pad(struct out *out, size_t count)
{
	for (size_t part; count > 0; count -= part) {
		part = count < OUT_BLANKS ? count : OUT_BLANKS;
		memset(out_reserve(out, OUT_BLANKS), ' ', OUT_BLANKS);
		out->used += part;
	}
}

/* ---- text that a program controls ---- */

size_t out_columns(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	size_t columns = 0;

	for (; *at; columns++) {
		unsigned length = printable_length(at);

		at += length ? length : 1;
	}
	return columns;
}

/* The number of leading bytes that are ASCII and may be written unchanged. */
static size_t plain_bytes(const unsigned char *at, size_t most)
{
	size_t count = 0;

	while (count < most && at[count] >= 0x20 && at[count] < 0x7f)
		count++;
	return count;
}

static void out_put_safe(struct out *out, const unsigned char **at)
{
	unsigned length = printable_length(*at);

	if (length && printable_is(*at, length) && (length == 1 || out->utf8))
		out_raw(out, (const char *)*at, length);
	else
		out_char(out, length == 3 && memcmp(*at, "\u2190", 3) == 0 ? '<' : '?');
	*at += length ? length : 1;
}

void out_safe(struct out *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at)
		out_put_safe(out, &at);
}

void out_safe_wide(struct out *out, const char *text, unsigned width)
{
	const unsigned char *at = (const unsigned char *)text;
	unsigned columns = (unsigned)plain_bytes(at, width);

	out_raw(out, text, columns);
	for (at += columns; *at && columns < width; columns++)
		out_put_safe(out, &at);
	out_pad(out, width - columns);
}

void out_wrapped(struct out *out, const char *text, unsigned indent)
{
	unsigned column = indent;

	out_pad(out, indent);
	while (*text) {
		size_t length = strcspn(text, " ");
		char word[256];

		if (length >= sizeof word)
			length = sizeof word - 1;
		memcpy(word, text, length);
		word[length] = '\0';
		if (column > indent && column + 1 + out_columns(word) > out->width) {
			out_char(out, '\n');
			out_pad(out, indent);
			column = indent;
		} else if (column > indent) {
			out_char(out, ' ');
			column++;
		}
		out_safe(out, word);
		column += (unsigned)out_columns(word);
		text += length;
		text += strspn(text, " ");
	}
	out_char(out, '\n');
}

static void out_put_json_unit(struct out *out, uint32_t unit)
{
	static const char hex[] = "0123456789abcdef";

	OUT(out, "\\u");
	for (int shift = 12; shift >= 0; shift -= 4)
		out_char(out, hex[unit >> shift & 15]);
}

/* JSON writes a character above U+FFFF as two UTF-16 units. */
static void out_put_json_escape(struct out *out, uint32_t code)
{
	if (code == '"' || code == '\\') {
		out_char(out, '\\');
		out_char(out, (char)code);
	} else if (code < 0x10000) {
		out_put_json_unit(out, code);
	} else {
		out_put_json_unit(out, 0xd800 + ((code - 0x10000) >> 10));
		out_put_json_unit(out, 0xdc00 + ((code - 0x10000) & 0x3ff));
	}
}

void out_json(struct out *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	out_char(out, '"');
	while (*at) {
		unsigned length = printable_length(at);

		if (length == 0)
			OUT(out, "\\ufffd");
		else if (*at == '"' || *at == '\\' || !printable_is(at, length))
			out_put_json_escape(out, printable_code(at, length));
		else
			out_raw(out, (const char *)at, length);
		at += length ? length : 1;
	}
	out_char(out, '"');
}

/* A spreadsheet reads such text as a formula, which may start a program. */
static bool is_formula(const char *text)
{
	return *text && strchr("=+-@\t\r", *text);
}

void out_csv(struct out *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	bool quoted = is_formula(text) || strpbrk(text, ",\"") != NULL;

	if (quoted)
		out_char(out, '"');
	if (is_formula(text))
		out_char(out, '\'');
	while (*at) {
		unsigned length = printable_length(at);

		if (*at == '"')
			out_char(out, '"');
		if (length == 0 || !printable_is(at, length))
			out_char(out, '?');
		else
			out_raw(out, (const char *)at, length);
		at += length ? length : 1;
	}
	if (quoted)
		out_char(out, '"');
}

void out_xml(struct out *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at) {
		unsigned length = printable_length(at);

		if (length == 0 || !printable_is(at, length))
			out_char(out, '?');
		else if (*at == '&')
			OUT(out, "&amp;");
		else if (*at == '<')
			OUT(out, "&lt;");
		else if (*at == '>')
			OUT(out, "&gt;");
		else
			out_raw(out, (const char *)at, length);
		at += length ? length : 1;
	}
}

void out_color(struct out *out, enum out_color color)
{
	static const char *const codes[] = {"\33[0m",  "\33[1m",  "\33[2m", "\33[31m",
					    "\33[33m", "\33[36m", "\33[32m"};

	if (out->color)
		out_text(out, codes[color]);
}
