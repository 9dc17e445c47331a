/* SPDX-License-Identifier: MIT */
#include "report/cli/export_metrics.h"

#include <sys/stat.h>

#include "report/export/metrics.h"
#include "report/session/ipc_usage.h"
#include "report/session/listing.h"
#include "report/session/session.h"
#include "report/util/error.h"
#include "report/util/output_file.h"

#define METRICS_MODE 0644 /* the exporter may be another user */

static int export_metrics_read(struct metrics *metrics, const struct options *options,
			       const char *path)
{
	struct session session;
	int ret = session_filtered(&session, path, &options->filter);

	if (ret != 0)
		return ret;
	if (!session_has(&session, session.model, &options->filter))
		ret = EXIT_ABSENT;
	else
		metrics_add_session(metrics, session.model, &options->filter);
	session_close(&session);
	return ret;
}

/* A session that cannot be read has its line on standard error; the others are still summed up. */
static int export_metrics_read_all(struct metrics *metrics, const struct options *options)
{
	struct listing listing;
	int ret = 0;

	listing_make(&listing, false);
	for (unsigned i = 0; i < listing.count; i++)
		if (export_metrics_read(metrics, options, listing.rows[i]->path) != 0)
			ret = EXIT_ABSENT;
	if (listing.refused || listing.no_memory)
		ret = EXIT_ABSENT;
	listing_free(&listing);
	return ret;
}

static void export_metrics_add_limits(struct metrics *metrics)
{
	struct ipc_usage rows[LIMIT_COUNT];

	ipc_usage_read(rows);
	for (int i = 0; i < LIMIT_COUNT; i++)
		metrics_add_limit(metrics, rows[i].name, rows[i].used, rows[i].limit);
}

static int export_metrics_write(struct metrics *metrics, const struct options *options)
{
	struct out *out = options->output ? page_file(options->output) : page_begin(COLOR_NEVER);
	mode_t mask = umask(0);
	bool whole;
	int ret;

	umask(mask);
	if (!out)
		return EXIT_ABSENT;
	if (options->output && out->file->folder >= 0)
		(void)!fchmod(out->fd, METRICS_MODE & ~mask);
	whole = metrics_write(out, metrics);
	ret = out_finish(out);
	return whole ? ret : session_no_memory();
}

int export_metrics(const struct options *options, const char *path)
{
	struct metrics *metrics = metrics_make();
	int ret = 0, written;

	if (!metrics)
		return session_no_memory();
	if (path)
		ret = export_metrics_read(metrics, options, path);
	else
		ret = export_metrics_read_all(metrics, options);
	if (path && ret != 0) {
		metrics_free(metrics);
		return ret;
	}
	export_metrics_add_limits(metrics);
	written = export_metrics_write(metrics, options);
	metrics_free(metrics);
	return ret ? ret : written;
}
