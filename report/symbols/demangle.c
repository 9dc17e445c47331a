/* SPDX-License-Identifier: MIT */
/*
 * The C++ runtime has a demangler; it is used where that is installed, and not needed otherwise.
 * Rust's older names are C++ ones with a hash as their last part.
 */
#include "report/symbols/demangle.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define HASH_LENGTH 20 /* "::h" and 17 hexadecimal digits, or fewer */

typedef char *demangler(const char *name, char *buffer, size_t *length, int *status);

static demangler *find_demangler(void)
{
	static bool looked;
	static demangler *found;
	void *library;

	if (looked)
		return found;
	looked = true;
	library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
	if (library)
		found = (demangler *)dlsym(library, "__cxa_demangle");
	return found;
}

/* "core::fmt::write::h0123456789abcdef" without its end. */
static void cut_rust_hash(char *name)
{
	char *last = NULL, *at = name;

	while ((at = strstr(at, "::h")) != NULL)
		last = at++;
	if (!last || strlen(last) != HASH_LENGTH - 1)
		return;
	for (at = last + 3; isxdigit((unsigned char)*at); at++)
		;
	if (*at == '\0')
		*last = '\0';
}

char *demangle(const char *name)
{
	demangler *plain;
	int status = 0;
	char *text;

	if (strncmp(name, "_Z", 2) != 0)
		return NULL;
	plain = find_demangler();
	if (!plain)
		return NULL;
	text = plain(name, NULL, NULL, &status);
	if (text)
		cut_rust_hash(text);
	return text;
}
