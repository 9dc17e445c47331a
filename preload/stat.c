/* SPDX-License-Identifier: MIT */
#include "stat.h"

#include "common/files.h"

enum { FIELD_STATE = 3, FIELD_START_TIME = 22, FIELD_START_BREAK = 47 };

static uint64_t stat_number(const char *text)
{
	uint64_t value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (uint64_t)(*text++ - '0');
	return value;
}

/*
 * The program's name may contain spaces and parentheses: the fields begin after the last
 * parenthesis.
 */
static const char *stat_after_name(const char *text)
{
	const char *after = NULL;

	for (; *text; text++)
		if (*text == ')')
			after = text + 1;
	return after;
}

/*
 * Not on the stack, which may be a signal handler's. On a page that the loader has already touched.
 */
static char text[1024] __attribute__((section(".data")));

bool stat_read(struct stat_facts *facts)
{
	const char *at;

	facts->start_time = facts->start_break = 0;
	if (sys_read_file("/proc/self/stat", text, sizeof text) <= 0)
		return false;
	at = stat_after_name(text);
	for (int field = FIELD_STATE; at && *at == ' ' && field <= FIELD_START_BREAK; field++) {
		at++;
		if (field == FIELD_START_TIME)
			facts->start_time = stat_number(at);
		if (field == FIELD_START_BREAK)
			facts->start_break = stat_number(at);
		while (*at && *at != ' ')
			at++;
	}
	return true;
}
