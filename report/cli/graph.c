/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/cli/options_files.h"
#include "report/model/graph_boxes.h"
#include "report/session/session.h"
#include "report/util/error.h"
#include "report/util/progress.h"
#include "report/view/graph_formats.h"
#include "report/view/graph_text.h"
#include "report/view/page.h"

static const struct {
	const char *name;
	void (*put)(struct out *out, const struct graph *graph, const struct model *model);
} formats[] = {
	{"text", graph_text},
	{"dot", graph_dot},
	{"mermaid", graph_mermaid},
	{"json", graph_json},
};
#define FORMAT_COUNT (sizeof formats / sizeof *formats)

static size_t format_of(const struct options *options)
{
	const char *name = options->format ? options->format : options->json ? "json" : "text";

	for (size_t i = 0; i < FORMAT_COUNT; i++)
		if (strcmp(formats[i].name, name) == 0)
			return i;
	error_format("graph", "%s: no such format; there are text, dot, mermaid, json", name);
	return FORMAT_COUNT;
}

static int cli_graph_draw(const struct options *options, const struct model *model, size_t format)
{
	struct out *out = page_begin(options->color);
	struct graph graph = {0};
	int ret;

	graph_draw(&graph, model, &options->filter);
	graph_boxes_make(&graph, options->ungroup);
	if (graph.no_memory)
		error_line("graph", "not enough memory: the drawing is incomplete");
	formats[format].put(out, &graph, model);
	ret = out_finish(out);
	graph_free(&graph);
	return ret;
}

int command_graph(int argc, char **argv)
{
	struct options options;
	struct session session;
	char path[PATH_MAX];
	size_t format;
	int ret = options_read(&options, COMMAND_GRAPH, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("graph");
	if ((format = format_of(&options)) == FORMAT_COUNT)
		return EXIT_USAGE;
	if (!options_find_file(&options, path))
		return EXIT_ABSENT;
	progress_allow();
	ret = session_all(&session, path);
	if (ret != 0)
		return ret;
	ret = session_has(&session, session.model, &options.filter)
		      ? cli_graph_draw(&options, session.model, format)
		      : EXIT_ABSENT;
	session_close(&session);
	return ret;
}
