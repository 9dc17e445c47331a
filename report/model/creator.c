/* SPDX-License-Identifier: MIT */
#include "report/model/creator.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "report/model/model.h"

static const char *const interpreters[] = {
	"awk",  "bash",   "dash", "gawk", "guile",   "java", "julia", "ksh",
	"lua",  "luajit", "mawk", "node", "Rscript", "perl", "php",   "php-cgi",
	"pypy", "python", "ruby", "sh",   "tclsh",   "wish", "zsh",
};

/* "python3.11" is python. */
static bool is_interpreter(const char *program)
{
	for (size_t i = 0; i < sizeof interpreters / sizeof *interpreters; i++) {
		size_t length = strlen(interpreters[i]);
		const char *rest = program + length;

		if (strncmp(program, interpreters[i], length) != 0)
			continue;
		while (isdigit((unsigned char)*rest) || *rest == '.')
			rest++;
		if (*rest == '\0')
			return true;
	}
	return false;
}

/* Whether the option is followed by code on the command line, and not by a script. */
static bool is_code(const char *word, size_t length)
{
	return length >= 2 && word[0] == '-' && word[1] != '-' &&
	       strchr("ceErs", word[length - 1]) != NULL;
}

/* The first word after the program that is no option, without its folder; *length 0: none. */
static const char *find_script(const char *cmdline, size_t *length)
{
	const char *word = strchr(cmdline, ' ');

	*length = 0;
	while (word) {
		size_t bytes = strcspn(++word, " ");

		if (is_code(word, bytes))
			return NULL;
		if (bytes && word[0] != '-') {
			for (const char *at = word; at < word + bytes; at++)
				if (*at == '/' && at + 1 < word + bytes) {
					bytes -= (size_t)(at + 1 - word);
					word = at + 1;
				}
			*length = bytes;
			return word;
		}
		word = word[bytes] ? word + bytes : NULL;
	}
	return NULL;
}

bool creator_script(const char *program, const char *cmdline, char to[CREATOR_LABEL_BYTES])
{
	size_t length = 0;
	const char *script = is_interpreter(program) ? find_script(cmdline, &length) : NULL;

	if (script)
		snprintf(to, CREATOR_LABEL_BYTES, "%.40s %.*s", program,
			 length < 40 ? (int)length : 40, script);
	return script != NULL;
}

const char *creator_label(const char *program, const char *cmdline, char to[CREATOR_LABEL_BYTES])
{
	if (!creator_script(program, cmdline, to))
		snprintf(to, CREATOR_LABEL_BYTES, "%.95s", program);
	return to;
}

const char *creator_process_label(const struct process_facts *facts, char to[CREATOR_LABEL_BYTES])
{
	return creator_label(model_program_name(facts), facts->cmdline, to);
}

static bool creator_word_differs(const char *word, size_t bytes)
{
	if (word[bytes - 1] == ':')
		return false;
	for (size_t i = 0; i < bytes; i++)
		if (isdigit((unsigned char)word[i]) || strchr("/[(*@", word[i]))
			return true;
	return false;
}

const char *creator_role(const char *title, char to[CREATOR_LABEL_BYTES])
{
	size_t used = strcspn(title, " "), bytes;

	while (title[used]) {
		bytes = strcspn(title + used + 1, " ");
		if (bytes && creator_word_differs(title + used + 1, bytes))
			break;
		used += 1 + bytes;
	}
	snprintf(to, CREATOR_LABEL_BYTES, "%.*s", used < 80 ? (int)used : 80, title);
	return to;
}
