/* SPDX-License-Identifier: MIT */
/* Its header says what it is: both formats of metrics escape in the same way. */
#include "report/export/label.h"

#include <stdio.h>
#include <string.h>

#include "report/util/printable.h"

#define VALUE_BYTES 256u

void label_append(char labels[LABELS_BYTES], const char *name, const char *text)
{
	size_t used = strlen(labels);
	char clean[VALUE_BYTES];

	printable_copy(clean, sizeof clean, text);
	used += (size_t)snprintf(labels + used, LABELS_BYTES - used, "%s%s=\"", used ? "," : "",
				 name);
	for (const char *at = clean; *at; at++) {
		if (*at == '"' || *at == '\\')
			labels[used++] = '\\';
		labels[used++] = *at;
	}
	labels[used++] = '"';
	labels[used] = '\0';
}
