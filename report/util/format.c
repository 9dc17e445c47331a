/* SPDX-License-Identifier: MIT */
#include "report/util/format.h"

#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/util/printable.h"

char *format_bytes(char to[FORMAT_BYTES], uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	uint64_t unit = 1024;
	int i = 0;

	if (bytes < 1024) {
		snprintf(to, FORMAT_BYTES, "%llu", (unsigned long long)bytes);
		return to;
	}
	/* A value that rounds to 1024 of a unit is 1 of the next unit. */
	while (i < 5 && bytes / unit + (bytes % unit >= unit / 2) >= 1024)
		unit *= 1024, i++;
	if (bytes % unit == 0 || bytes / unit >= 100)
		snprintf(to, FORMAT_BYTES, "%llu%c",
			 (unsigned long long)(bytes / unit + (bytes % unit >= unit / 2)), units[i]);
	else
		snprintf(to, FORMAT_BYTES, "%.1f%c", (double)bytes / (double)unit, units[i]);
	return to;
}

char *format_delta(char to[FORMAT_BYTES], int64_t bytes)
{
	char size[FORMAT_BYTES];
	uint64_t magnitude = bytes < 0 ? 0 - (uint64_t)bytes : (uint64_t)bytes;

	snprintf(to, FORMAT_BYTES, "%s%.20s",
		 bytes < 0   ? "-"
		 : bytes > 0 ? "+"
			     : "",
		 format_bytes(size, magnitude));
	return to;
}

char *format_count(char to[FORMAT_BYTES], uint64_t count)
{
	char digits[24];
	int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
	char *at = to;

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			*at++ = ',';
		*at++ = digits[i];
	}
	*at = '\0';
	return to;
}

char *format_duration(char to[FORMAT_BYTES], uint64_t ns)
{
	unsigned long long seconds = ns / 1000000000u;

	if (ns < 1000000)
		snprintf(to, FORMAT_BYTES, "%llu us", (unsigned long long)(ns / 1000));
	else if (ns < 1000000000u)
		snprintf(to, FORMAT_BYTES, "%llu ms", (unsigned long long)(ns / 1000000));
	else if (seconds < 60)
		snprintf(to, FORMAT_BYTES, "%.2f s", (double)ns / 1e9);
	else
		format_seconds(to, seconds);
	return to;
}

char *format_seconds(char to[FORMAT_BYTES], uint64_t count)
{
	unsigned long long seconds = count;

	if (seconds < 60)
		snprintf(to, FORMAT_BYTES, "%llu s", seconds);
	else if (seconds < 3600)
		snprintf(to, FORMAT_BYTES, "%llu min %llu s", seconds / 60, seconds % 60);
	else if (seconds < 86400)
		snprintf(to, FORMAT_BYTES, "%llu h %llu min", seconds / 3600, seconds / 60 % 60);
	else
		snprintf(to, FORMAT_BYTES, "%llu d %llu h", seconds / 86400, seconds / 3600 % 24);
	return to;
}

static bool is_all_printable(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	while (*at) {
		unsigned length = printable_length(at);

		if (length == 0 || !printable_is(at, length))
			return false;
		at += length;
	}
	return true;
}

/* $'...': a shell reads \ooo in it as the byte with that octal number. */
static char *format_put_by_number(char *to, const char *file)
{
	to = stpcpy(to, "$'");
	if (*file == '-')
		to = stpcpy(to, "./");
	for (; *file; file++) {
		unsigned char c = (unsigned char)*file;

		if (c < 0x20 || c >= 0x7f || c == '\'' || c == '\\')
			to += sprintf(to, "\\%03o", c);
		else
			*to++ = *file;
	}
	return stpcpy(to, "'");
}

char *format_word(const char *file)
{
	static const char plain[] = "/.,:+-=@%_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789";
	char *word = malloc(4 * strlen(file) + 6), *to = word;

	if (!word)
		return NULL;
	if (!is_all_printable(file)) {
		format_put_by_number(word, file);
		return word;
	}
	if (*file == '-') /* not to be read as an option */
		to = stpcpy(to, "./");
	for (; *file; file++) {
		if (!strchr(plain, *file) && (unsigned char)*file < 128)
			*to++ = '\\';
		*to++ = *file;
	}
	*to = '\0';
	return word;
}

const char *format_s(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* ---- names ---- */

static const char *const errnos[] = {
#define ERRNO(name) [name] = #name,
#include "report/util/errnos.def"
#undef ERRNO
};

static const char *const signals[] = {
#define SIGNAL(name) [name] = #name,
#include "report/util/signals.def"
#undef SIGNAL
};

static const char *names_pick(const char *const *table, size_t count, int number)
{
	return number >= 0 && (size_t)number < count ? table[number] : NULL;
}

const char *name_of_errno(int error)
{
	return names_pick(errnos, sizeof errnos / sizeof *errnos, error);
}

const char *name_of_signal(int number)
{
	return names_pick(signals, sizeof signals / sizeof *signals, number);
}

void name_of_user(uint32_t uid, char *name, size_t bytes)
{
	const struct passwd *user = getpwuid(uid);

	if (user && strlen(user->pw_name) < bytes)
		strcpy(name, user->pw_name);
	else
		name[0] = '\0';
}
