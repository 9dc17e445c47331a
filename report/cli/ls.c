/* SPDX-License-Identifier: MIT */
#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/session/listing.h"
#include "report/util/error.h"
#include "report/view/page.h"

static int ls_show(const struct options *options, const struct listing *listing)
{
	struct out *out = page_begin(options->color);
	const struct session_row *const *rows = (const struct session_row *const *)listing->rows;
	struct sessions_options view_options = {options->sort, options->columns,
						options->column_count, options->no_headings,
						options->exact};

	if (options->json)
		sessions_json(out, rows, listing->count);
	else if (!sessions_text(out, rows, listing->count, &view_options))
		return EXIT_USAGE;
	return out_finish(out);
}

int command_ls(int argc, char **argv)
{
	struct options options;
	struct listing listing;
	int ret = options_read(&options, COMMAND_LS, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("ls");
	listing_make(&listing, false);
	ret = ls_show(&options, &listing);
	if (ret == 0 && listing.refused)
		ret = EXIT_ABSENT;
	listing_free(&listing);
	return ret;
}
