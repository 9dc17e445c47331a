/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "report/command.h"
#include "report/error.h"
#include "report/options.h"
#include "report/record/record.h"
#include "report/view/page.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(id, name, arguments, summary) {#name, command_##name},
#include "report/commands.def"
#undef COMMAND
};

static int show_version(void)
{
	struct out *out = page_begin(COLOR_NEVER);

	OUT(out, "memshim " MEMSHIM_VERSION "\n");
	return out_finish(out);
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	if (!word) {
		error_line("no command given", "see 'memshim help'");
		return EXIT_USAGE;
	}
	if (is_help(word))
		return help_show(NULL);
	if (strcmp(word, "--version") == 0)
		return show_version();
	if (strcmp(word, "record") == 0 && argc > 2 && is_help(argv[2]))
		return help_show(word);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, word) == 0)
			return commands[i].run(argc - 1, argv + 1);
	error_line(word, word[0] == '-' ? "no such option; see 'memshim help'"
					: "no such command; 'memshim help' lists them");
	return EXIT_USAGE;
}
