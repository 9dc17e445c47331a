/* SPDX-License-Identifier: MIT */
/* demangle < NAMES: prints each name demangled, or unchanged if it is not mangled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/symbols/demangle.h"

int main(void)
{
	char name[4096];

	while (fgets(name, sizeof name, stdin)) {
		char *plain;

		name[strcspn(name, "\n")] = '\0';
		plain = demangle_name(name);
		puts(plain ? plain : name);
		free(plain);
	}
	return 0;
}
