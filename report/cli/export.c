/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/cli/options_files.h"
#include "report/session/naming.h"
#include "report/session/session.h"
#include "report/util/error.h"
#include "report/view/flame.h"
#include "report/view/page.h"
#include "report/view/partial.h"

static int check_format(const struct options *options)
{
	if (!options->format) {
		error_line("export", "--format is missing; see 'memshim help export'");
		return EXIT_USAGE;
	}
	if (strcmp(options->format, "folded") == 0)
		return 0;
	error_format("export", "%s: no such format; there is folded", options->format);
	return EXIT_USAGE;
}

/* The format has no comments, so the notes go to standard error. */
static void warn_of_parts(const struct options *options, const struct session *session)
{
	char notes[PARTIAL_NOTES_MAX][PARTIAL_NOTE_BYTES];
	unsigned count = partial_notes(session->model, &options->filter, notes);

	for (unsigned i = 0; i < count; i++)
		error_line(source_path(session->source), notes[i]);
}

static int write_out(const struct options *options, struct session *session)
{
	struct out *out;
	int ret;

	session_names(session, &(struct symbols_options){.sysroot = options->sysroot,
							 .debuginfod = options->debuginfod});
	out = options->output ? page_file(options->output) : page_begin(COLOR_NEVER);
	if (!out)
		return EXIT_ABSENT;
	flame_folded(out, session->model, &options->filter, options->counts);
	ret = out_finish(out);
	if (ret == 0)
		warn_of_parts(options, session);
	return ret;
}

int command_export(int argc, char **argv)
{
	struct options options;
	struct session session;
	char path[PATH_MAX];
	int ret = options_read(&options, COMMAND_EXPORT, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("export");
	ret = check_format(&options);
	if (ret != 0)
		return ret;
	if (!options_find_file(&options, path))
		return EXIT_ABSENT;
	ret = session_filtered(&session, path, &options.filter);
	if (ret != 0)
		return ret;
	ret = session_has(&session, session.model, &options.filter) ? write_out(&options, &session)
								    : EXIT_ABSENT;
	session_close(&session);
	return ret;
}
