/* SPDX-License-Identifier: MIT */
#include "report/cli/option_values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_BYTES_MIN 8192ull
#define LOG_BYTES_MAX (64ull << 30)
#define DELAY_SECONDS_MIN 0.01
#define DELAY_SECONDS_MAX 86400

bool option_value_number(const char *text, long long least, long long most, long long *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 0);
	return end != text && *end == '\0' && errno == 0 && *value >= least && *value <= most;
}

bool option_value_decimal(const char *text, unsigned long most, unsigned long *value)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*value = strtoul(text, &end, 10);
	return *end == '\0' && *value <= most;
}

bool option_value_size(const char *text, uint64_t *bytes)
{
	unsigned shift;
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*bytes = strtoull(text, &end, 10);
	shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
	if (end[shift != 0] != '\0' || *bytes > LOG_BYTES_MAX >> shift)
		return false;
	*bytes <<= shift;
	return *bytes >= LOG_BYTES_MIN;
}

bool option_value_delay(const char *text, uint64_t *ns)
{
	char *end;
	double seconds = strtod(text, &end);

	/* Written so that NaN is refused. */
	if (end == text || *end || !(seconds >= DELAY_SECONDS_MIN && seconds <= DELAY_SECONDS_MAX))
		return false;
	*ns = (uint64_t)(seconds * 1e9);
	return true;
}

bool option_value_color(const char *text, enum color_when *color)
{
	static const char *const names[] = {
		[COLOR_AUTO] = "auto", [COLOR_ALWAYS] = "always", [COLOR_NEVER] = "never"};

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(text, names[i]) == 0) {
			*color = (enum color_when)i;
			return true;
		}
	return false;
}
