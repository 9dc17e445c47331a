/* SPDX-License-Identifier: MIT */
/*
 * The demangler of C++ names is the one of libstdc++.so.6, if that is installed. Names of Rust's
 * legacy mangling are C++ names whose last part is a hash, with escapes such as "$LT$".
 */
#include "report/symbols/demangle.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "report/symbols/rust.h"

#define HASH_LENGTH 19 /* "::h" and 16 hexadecimal digits */

typedef char *demangler(const char *name, char *buffer, size_t *length, int *status);

static demangler *find_demangler(void)
{
	static bool searched;
	static demangler *found;
	void *library;

	if (searched)
		return found;
	searched = true;
	library = dlopen("libstdc++.so.6", RTLD_LAZY | RTLD_LOCAL);
	if (library)
		found = (demangler *)dlsym(library, "__cxa_demangle");
	return found;
}

/* Cuts the hash off "core::fmt::write::h0123456789abcdef". False: there is no hash. */
static bool cut_rust_hash(char *name)
{
	char *last = NULL, *at = name;

	while ((at = strstr(at, "::h")) != NULL)
		last = at++;
	if (!last || strlen(last) != HASH_LENGTH)
		return false;
	for (at = last + 3; isxdigit((unsigned char)*at); at++)
		;
	if (*at != '\0')
		return false;
	*last = '\0';
	return true;
}

/* Replaces Rust's escapes for letters that a C++ name cannot contain: "$LT$", "..", "$u20$". */
static void replace_rust_escapes(char *name)
{
	static const struct {
		const char *from;
		char to;
	} letters[] = {
		{"$SP$", '@'},  {"$BP$", '*'},  {"$RF$", '&'},  {"$LT$", '<'},  {"$GT$", '>'},
		{"$LP$", '('},  {"$RP$", ')'},  {"$C$", ','},   {"$u20$", ' '}, {"$u27$", '\''},
		{"$u5b$", '['}, {"$u5d$", ']'}, {"$u7b$", '{'}, {"$u7d$", '}'}, {"$u7e$", '~'},
		{"$u3b$", ';'}, {"$u2b$", '+'}, {"$u22$", '"'},
	};
	char *to = name;

	for (const char *at = name; *at;) {
		size_t i = 0, count = sizeof letters / sizeof *letters;

		while (i < count && strncmp(at, letters[i].from, strlen(letters[i].from)) != 0)
			i++;
		if (i < count) {
			*to++ = letters[i].to;
			at += strlen(letters[i].from);
		} else if (at[0] == '.' && at[1] == '.') {
			*to++ = ':', *to++ = ':';
			at += 2;
		} else if (at[0] == '_' && at[1] == '$' && (at == name || at[-1] == ':')) {
			at++; /* rustc puts "_" before an identifier that would begin with "$" */
		} else {
			*to++ = *at++;
		}
	}
	*to = '\0';
}

char *demangle_name(const char *name)
{
	demangler *plain;
	int status = 0;
	char *text;

	if (strncmp(name, "_R", 2) == 0)
		return demangle_rust(name);
	if (strncmp(name, "_Z", 2) != 0)
		return NULL;
	plain = find_demangler();
	if (!plain)
		return NULL;
	text = plain(name, NULL, NULL, &status);
	if (text && cut_rust_hash(text))
		replace_rust_escapes(text);
	return text;
}
