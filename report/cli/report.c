/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/cli/options_files.h"
#include "report/session/left_behind.h"
#include "report/session/naming.h"
#include "report/session/session.h"
#include "report/util/error.h"
#include "report/util/progress.h"
#include "report/view/flame.h"
#include "report/view/page.h"
#include "report/view/report_json.h"
#include "report/view/report_text.h"

static int report_show(const struct options *options, const struct session *session)
{
	struct out *out = page_begin(options->color);
	struct report_options view_options = {
		.filter = &options->filter,
		.path = source_path(session->source),
		.sort = options->sort,
		.columns = options->columns,
		.column_count = options->column_count,
		.exact = options->exact,
		.no_headings = options->no_headings,
		.all = options->all,
		.ungroup = options->ungroup,
		.notes = options->notes,
		.top = options->top,
	};

	if (options->json)
		report_json(out, session->model, &options->filter, MEMSHIM_VERSION);
	else if (!report_text(out, session->model, &view_options))
		return EXIT_USAGE;
	return out_finish(out);
}

static int draw_flame(const struct options *options, const struct session *session)
{
	struct out *out = page_file(options->flame);

	if (!out)
		return EXIT_ABSENT;
	if (!flame_svg(out, session->model, &options->filter, options->flame_of))
		out->error = ENOMEM;
	return out_finish(out);
}

static int show_named(const struct options *options, struct session *session)
{
	int ret;

	session->model->wrappers->names = options->wrappers;
	session_names(session, &(struct symbols_options){.sysroot = options->sysroot,
							 .debuginfod = options->debuginfod});
	session_findings(session, options->suppressions, &options->filter);
	ret = report_show(options, session);
	if (ret == 0 && options->flame)
		ret = draw_flame(options, session);
	if (ret == 0 &&
	    !expectations_check(&options->expectations, session->model, &options->filter))
		ret = EXIT_ABSENT;
	return ret;
}

static int report_read(const struct options *options)
{
	struct session session;
	char path[PATH_MAX];
	int ret;

	if (!options_find_file(options, path))
		return EXIT_ABSENT;
	progress_allow();
	ret = session_filtered(&session, path, &options->filter);
	if (ret != 0)
		return ret;
	if (!session.model->session.recorded)
		left_behind_keep(&session);
	ret = session_has(&session, session.model, &options->filter) ? show_named(options, &session)
								     : EXIT_ABSENT;
	session_close(&session);
	return ret;
}

int command_report(int argc, char **argv)
{
	struct options options;
	int ret = options_read(&options, COMMAND_REPORT, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("report");
	ret = report_read(&options);
	options_free(&options);
	return ret;
}
