/* SPDX-License-Identifier: MIT */
/*
 * The script is the first word of an interpreter's command line that is no option. After an option
 * that gives the program itself (-c, -e), there is none; after -m, there is a module.
 */
#include "report/view/title.h"

#include <stdio.h>
#include <string.h>

#include "report/util/path.h"

/* Names of interpreters, up to a version: python3.11, perl5.36. */
static const char *const interpreters[] = {"python", "perl", "ruby", "node",    "php", "lua",
					   "tclsh",  "bash", "dash", "busybox", "sh",  "Rscript"};

static bool is_interpreter(const char *program)
{
	for (size_t i = 0; i < sizeof interpreters / sizeof *interpreters; i++) {
		size_t length = strlen(interpreters[i]);

		if (strncmp(program, interpreters[i], length) == 0 &&
		    strspn(program + length, "0123456789.") == strlen(program + length))
			return true;
	}
	return false;
}

static const char *title_next_word(const char *words)
{
	words += strcspn(words, " ");
	return words + strspn(words, " ");
}

/* The script in a command line; "" when there is none. */
static const char *title_script(const char *words)
{
	for (words = title_next_word(words); *words == '-'; words = title_next_word(words)) {
		if (strncmp(words, "-m ", 3) == 0)
			return words + 3;
		if (words[1] != '-' && memchr(words, 'c', strcspn(words, " ")))
			return "";
		if (strncmp(words, "-e", 2) == 0 || strncmp(words, "-E ", 3) == 0)
			return "";
	}
	return words;
}

const char *title_of(const struct process_facts *facts, char text[TITLE_BYTES])
{
	const char *program = model_program_name(facts), *script;
	char word[sizeof facts->cmdline];

	snprintf(text, TITLE_BYTES, "%.*s", (int)TITLE_BYTES - 1, program);
	if (!is_interpreter(program))
		return text;
	script = title_script(facts->cmdline);
	snprintf(word, sizeof word, "%.*s", (int)strcspn(script, " "), script);
	if (*word && *path_base_name(word))
		snprintf(text, TITLE_BYTES, "%.*s", (int)TITLE_BYTES - 1, path_base_name(word));
	return text;
}
