/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "report/cli/command.h"
#include "report/util/error.h"
#include "report/session/left_behind.h"
#include "report/session/naming.h"
#include "report/session/session.h"
#include "report/cli/options.h"
#include "report/view/flame.h"
#include "report/view/page.h"
#include "report/view/report.h"

static int show(const struct options *options, const struct load *load)
{
	struct out *out = page_begin(options->color);
	struct report_wish wish = {
		.filter = &options->filter,
		.path = source_path(load->source),
		.sort = options->sort,
		.columns = options->columns,
		.column_count = options->column_count,
		.exact = options->exact,
		.no_headings = options->no_headings,
	};

	if (options->json)
		report_json(out, load->model, &options->filter, MEMSHIM_VERSION);
	else if (!report_text(out, load->model, &wish))
		return EXIT_USAGE;
	return out_finish(out);
}

static int draw_flame(const struct options *options, const struct load *load)
{
	struct out *out = page_file(options->flame);

	if (!out)
		return EXIT_ABSENT;
	if (!flame_svg(out, load->model, &options->filter))
		out->error = ENOMEM;
	return out_finish(out);
}

static int show_named(const struct options *options, struct load *load)
{
	int ret;

	load_names(load, &(struct symbols_wish){.sysroot = options->sysroot,
						.debuginfod = options->debuginfod});
	load_suppress(load, options->suppressions);
	ret = show(options, load);
	if (ret == 0 && options->flame)
		ret = draw_flame(options, load);
	return ret;
}

int command_report(int argc, char **argv)
{
	struct options options;
	struct load load;
	char path[PATH_MAX];
	int ret = options_read(&options, COMMAND_REPORT, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("report");
	if (!options_find_file(&options, path))
		return EXIT_ABSENT;
	ret = load_filtered(&load, path, &options.filter);
	if (ret != 0)
		return ret;
	if (!load.model->session.recorded)
		left_behind_keep(&load);
	ret = load_has(&load, load.model, &options.filter) ? show_named(&options, &load)
							   : EXIT_ABSENT;
	load_close(&load);
	return ret;
}
