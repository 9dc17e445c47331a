/* SPDX-License-Identifier: MIT */
/* Prints shell lines for `eval "$(memshim env)"`. Keeps a session that MEMSHIM_SESSION names. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/util/error.h"
#include "report/util/library.h"
#include "report/view/page.h"

/* Puts the text in single quotes, which every shell understands. */
static void env_put_quoted(struct out *out, const char *text)
{
	out_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			OUT(out, "'\\''");
		else
			out_char(out, *text);
	}
	out_char(out, '\'');
}

/* Whether the list contains the library. ld.so(8) separates by colons or blanks. */
static bool env_is_listed(const char *list, const char *library)
{
	size_t length = strlen(library);

	for (const char *at = list; (at = strstr(at, library)); at += length)
		if ((at == list || strchr(": ", at[-1])) && strchr(": ", at[length]))
			return true;
	return false;
}

static void env_put_preload(struct out *out, const char *library)
{
	const char *old = getenv("LD_PRELOAD");

	OUT(out, "export LD_PRELOAD=");
	if (old && env_is_listed(old, library)) {
		env_put_quoted(out, old);
	} else {
		env_put_quoted(out, library);
		if (old && *old) {
			out_char(out, ':');
			env_put_quoted(out, old);
		}
	}
	out_char(out, '\n');
}

int command_env(int argc, char **argv)
{
	struct options options;
	const char *session = getenv("MEMSHIM_SESSION");
	char library[PATH_MAX];
	struct out *out;
	int ret = options_read(&options, COMMAND_ENV, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("env");
	if (!library_find(library))
		return EXIT_ABSENT;
	if (strpbrk(library, ": ")) {
		error_line(library, "LD_PRELOAD cannot hold a path with a blank or a colon");
		return EXIT_ABSENT;
	}
	out = page_begin(COLOR_NEVER);
	env_put_preload(out, library);
	if (session && *session) {
		OUT(out, "export MEMSHIM_SESSION=");
		env_put_quoted(out, session);
		out_char(out, '\n');
	}
	return out_finish(out);
}
