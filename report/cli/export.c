/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <unistd.h>

#include "report/cli/command.h"
#include "report/cli/export_metrics.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/cli/options_files.h"
#include "report/export/massif.h"
#include "report/export/openmetrics.h"
#include "report/export/perfetto.h"
#include "report/export/pprof.h"
#include "report/session/naming.h"
#include "report/session/session.h"
#include "report/util/error.h"
#include "report/util/progress.h"
#include "report/view/flame.h"
#include "report/view/page.h"
#include "report/view/partial.h"

enum export_format {
#define FORMAT(id, name, text, what) EXPORT_##id,
#include "report/export/formats.def"
#undef FORMAT
	EXPORT_COUNT
};

static const struct {
	const char *name;
	bool text;
} formats[EXPORT_COUNT] = {
#define FORMAT(id, name, text, what) {#name, text},
#include "report/export/formats.def"
#undef FORMAT
};

static enum export_format export_format_find(const char *name)
{
	int at = 0;

	while (at < EXPORT_COUNT && strcmp(formats[at].name, name) != 0)
		at++;
	return (enum export_format)at;
}

static int check_format(const struct options *options)
{
	enum export_format format;

	if (!options->format) {
		error_line("export", "--format is missing; see 'memshim help export'");
		return EXIT_USAGE;
	}
	format = export_format_find(options->format);
	if (format == EXPORT_COUNT) {
		error_format("export", "%s: no such format; see 'memshim help export'",
			     options->format);
		return EXIT_USAGE;
	}
	if (options->counts && format != EXPORT_FOLDED) {
		error_line("export", "--counts is for the format folded");
		return EXIT_USAGE;
	}
	if (options->all_sessions &&
	    (format != EXPORT_PROMETHEUS || options->file || options->process)) {
		error_line("export", "--all-sessions is for the format prometheus, without FILE");
		return EXIT_USAGE;
	}
	if (!formats[format].text && !options->output && isatty(STDOUT_FILENO)) {
		error_format("export", "%s is not for a terminal: give -o OUT", options->format);
		return EXIT_USAGE;
	}
	return 0;
}

/* Not all formats have comments, so the notes go to standard error. */
static void warn_of_parts(const struct options *options, const struct session *session)
{
	char notes[PARTIAL_NOTES_MAX][PARTIAL_NOTE_BYTES];
	unsigned count = partial_notes(session->model, &options->filter, notes);

	for (unsigned i = 0; i < count; i++)
		error_line(source_path(session->source), notes[i]);
}

/* ---- one export ---- */

struct export_job {
	const struct options *options;
	enum export_format format;
	const char *path;
	struct session session;
	struct massif *massif;
	struct perfetto_events *perfetto; /* null until the second reading */
	struct openmetrics history;
};

static void export_visit_history(void *context, const struct event *event)
{
	struct export_job *job = context;

	openmetrics_add_event(&job->history, job->session.model, event);
}

static void export_visit_perfetto(void *context, const struct event *event)
{
	struct export_job *job = context;

	perfetto_add_event(job->perfetto, job->session.model, event);
}

static void export_visit_massif(void *context, const struct event *event)
{
	struct export_job *job = context;

	massif_add_event(job->massif, job->session.model, event);
}

static int export_read(struct export_job *job)
{
	struct session_reading reading = {
		.filter = &job->options->filter,
		.sites_by_process = job->format == EXPORT_PPROF || job->format == EXPORT_PERFETTO,
		.context = job,
	};
	int ret;

	if (job->massif)
		reading.visit = export_visit_massif;
	else if (job->perfetto)
		reading.visit = export_visit_perfetto;
	else if (job->format == EXPORT_OPENMETRICS)
		reading.visit = export_visit_history;
	ret = session_read(&job->session, job->path, &reading);
	if (ret == 0 && job->massif)
		massif_end(job->massif, job->session.model);
	return ret;
}

/* Reads the session, twice for massif. */
static int export_read_all(struct export_job *job)
{
	int ret;

	if (job->format != EXPORT_MASSIF)
		return export_read(job);
	job->massif = massif_make(&job->options->filter);
	if (!job->massif)
		return session_no_memory();
	ret = export_read(job);
	if (ret != 0)
		return ret;
	session_close(&job->session);
	return export_read(job);
}

/* What is known after the first reading, then the moves, by a second one. */
static bool export_write_perfetto(struct out *out, struct export_job *job)
{
	struct perfetto_events events;
	bool whole;

	session_findings(&job->session, NULL, &job->options->filter);
	whole = perfetto_begin(&events, out, job->session.model, &job->options->filter);
	session_close(&job->session);
	job->perfetto = &events;
	whole &= export_read(job) == 0;
	job->perfetto = NULL;
	return perfetto_end(&events) && whole;
}

static bool export_write(struct out *out, struct export_job *job)
{
	const struct model *model = job->session.model;
	const struct filter *filter = &job->options->filter;

	switch (job->format) {
	case EXPORT_PPROF:
		return pprof_write(out, model, filter);
	case EXPORT_PERFETTO:
		return export_write_perfetto(out, job);
	case EXPORT_OPENMETRICS:
		return openmetrics_write(out, &job->history, model);
	case EXPORT_MASSIF:
		return massif_write(out, job->massif, model);
	default:
		flame_folded(out, model, filter, job->options->counts);
		return true;
	}
}

static int write_out(struct export_job *job)
{
	const struct options *options = job->options;
	struct out *out;
	bool whole;
	int ret;

	session_names(&job->session, &(struct symbols_options){.sysroot = options->sysroot,
							       .debuginfod = options->debuginfod});
	out = options->output ? page_file(options->output) : page_begin(COLOR_NEVER);
	if (!out)
		return EXIT_ABSENT;
	whole = export_write(out, job);
	ret = out_finish(out);
	if (ret == 0 && job->session.model)
		warn_of_parts(options, &job->session);
	return whole ? ret : session_no_memory();
}

int command_export(int argc, char **argv)
{
	struct options options;
	struct export_job job = {.options = &options};
	char path[PATH_MAX];
	int ret = options_read(&options, COMMAND_EXPORT, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("export");
	ret = check_format(&options);
	if (ret != 0)
		return ret;
	if (options.all_sessions)
		return export_metrics(&options, NULL);
	if (!options_find_file(&options, path))
		return EXIT_ABSENT;
	if (export_format_find(options.format) == EXPORT_PROMETHEUS)
		return export_metrics(&options, path);
	progress_allow();
	job.format = export_format_find(options.format);
	job.path = path;
	openmetrics_begin(&job.history, &options.filter);
	ret = export_read_all(&job);
	if (ret == 0) {
		bool has = session_has(&job.session, job.session.model, &options.filter);

		ret = has ? write_out(&job) : EXIT_ABSENT;
		session_close(&job.session);
	}
	massif_free(job.massif);
	openmetrics_free(&job.history);
	return ret;
}
