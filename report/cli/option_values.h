/* SPDX-License-Identifier: MIT */
/*
 * Values of options as text: each function returns false when the text is no such value. A small
 * file: it knows neither the options nor the commands.
 */
#ifndef MEMSHIM_CLI_OPTION_VALUES_H
#define MEMSHIM_CLI_OPTION_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "report/view/page.h"

/* A whole number from `least` to `most`: decimal, 0x… hexadecimal or 0… octal. */
bool option_value_number(const char *text, long long least, long long most, long long *value);

/* Decimal digits only: a number from 0 to `most`. */
bool option_value_decimal(const char *text, unsigned long most, unsigned long *value);

/* The size of a log, from 8K to 64G: decimal bytes, or a number with the suffix K, M or G. */
bool option_value_size(const char *text, uint64_t *bytes);

/* Seconds, such as 0.5: from 0.01 to a day. */
bool option_value_delay(const char *text, uint64_t *ns);

/* auto, always or never. */
bool option_value_color(const char *text, enum color_when *color);

#endif
