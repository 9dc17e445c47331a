/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <stddef.h>

#include "segment/layout.h"

/* The value of NAME=value, or null when `entry` is another variable. */
static const char *setting_value_of(const char *entry, const char *name)
{
	while (*name && *entry == *name)
		entry++, name++;
	return *name == '\0' && *entry == '=' ? entry + 1 : NULL;
}

/* Reads decimal digits, then K, M, G or nothing. False for anything else, and beyond 2^40. */
static bool setting_read_size(const char *text, uint64_t *size)
{
	uint64_t value = 0;
	unsigned shift;

	if (!*text)
		return false;
	for (; *text >= '0' && *text <= '9'; text++)
		if ((value = value * 10 + (uint64_t)(*text - '0')) > 1ull << 40)
			return false;
	shift = *text == 'K' ? 10 : *text == 'M' ? 20 : *text == 'G' ? 30 : 0;
	if (text[shift != 0] != '\0' || value << shift > 1ull << 40)
		return false;
	*size = value << shift;
	return true;
}

static bool setting_read_flag(const char *text, bool *flag)
{
	if ((text[0] != '0' && text[0] != '1') || text[1] != '\0')
		return false;
	*flag = text[0] == '1';
	return true;
}

static bool setting_read_depth(const char *text, uint32_t *depth)
{
	uint64_t value;

	if (!setting_read_size(text, &value) || value > SEGMENT_STACK_DEPTH_MAX)
		return false;
	*depth = (uint32_t)value;
	return true;
}

static bool setting_read_log_size(const char *text, uint64_t *bytes)
{
	uint64_t value;

	if (!setting_read_size(text, &value) || value < SEGMENT_LOG_BYTES_MIN)
		return false;
	*bytes = value;
	return true;
}

/*
 * A name becomes a file name; a path is the path of the segment. A relative path is refused: it
 * would mean another file in each folder that the program changes to, and create folders and
 * sessions there.
 */
static bool setting_read_session(const char *text, const char **session)
{
	bool path = false;
	size_t length = 0;

	for (; text[length]; length++)
		path |= text[length] == '/';
	if (length == 0 || text[0] == '.' || (path ? text[0] != '/' : length > 60))
		return false;
	*session = text;
	return true;
}

static bool setting_read_folder(const char *text, const char **folder)
{
	if (*text && *text != '/')
		return false;
	*folder = text;
	return true;
}

static bool settings_read_entry(struct settings *s, const char *entry)
{
	const char *value;

	if ((value = setting_value_of(entry, "MEMSHIM_SESSION")))
		return setting_read_session(value, &s->session);
	if ((value = setting_value_of(entry, "MEMSHIM_DIR")))
		return setting_read_folder(value, &s->folder);
	if ((value = setting_value_of(entry, "XDG_RUNTIME_DIR")))
		setting_read_folder(value, &s->runtime_folder); /* not a variable of memshim: a
							   wrong value is not counted */
	else if ((value = setting_value_of(entry, "TMPDIR")))
		setting_read_folder(value, &s->tmp_folder);
	else if ((value = setting_value_of(entry, "MEMSHIM_LOG_SIZE")))
		return setting_read_log_size(value, &s->log_bytes);
	else if ((value = setting_value_of(entry, "MEMSHIM_STACK_DEPTH")))
		return setting_read_depth(value, &s->stack_depth);
	else if ((value = setting_value_of(entry, "MEMSHIM_OFF")))
		return setting_read_flag(value, &s->off);
	else if ((value = setting_value_of(entry, "MEMSHIM_ANONYMOUS")))
		return setting_read_flag(value, &s->anonymous);
	else if ((value = setting_value_of(entry, "MEMSHIM_PATCH")))
		return setting_read_flag(value, &s->redirect);
	return true;
}

void settings_read(struct settings *settings, char **envp)
{
	*settings = (struct settings){
		.session = "default",
		.stack_depth = SEGMENT_STACK_DEPTH_DEFAULT,
		.redirect = true,
	};
	for (; envp && *envp; envp++)
		if (!settings_read_entry(settings, *envp))
			settings->bad_count++;
}
