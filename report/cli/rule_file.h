/* SPDX-License-Identifier: MIT */
/*
 * Files of rules that the user names: suppressions, names of wrappers. Each line is a rule. Blank
 * lines and lines that begin with # are skipped.
 */
#ifndef MEMSHIM_CLI_RULE_FILE_H
#define MEMSHIM_CLI_RULE_FILE_H

#include <stdbool.h>

/* Takes one line, without the blanks around it. False after one line of its own. */
typedef bool rule_file_take(void *context, const char *path, unsigned number, char *line);

/*
 * Reads the file of that option. False after one line: it names the wrong line, or says that the
 * file is not trusted (util/trust.h). A descriptor (/dev/stdin, /dev/fd/N) is trusted: the user's
 * shell opened it.
 */
bool rule_file_read(const char *path, const char *option, rule_file_take *take, void *context);

/* Prints why a word of that line is refused. False. */
bool rule_file_refuse(const char *path, unsigned number, const char *word, const char *why);

/* The text without the blanks around it; it is changed. */
char *rule_file_trim(char *text);

#endif
