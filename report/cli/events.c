/* SPDX-License-Identifier: MIT */
#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/cli/options_files.h"
#include "report/model/apply_event.h"
#include "report/session/naming.h"
#include "report/session/session.h"
#include "report/util/error.h"
#include "report/view/events_csv.h"
#include "report/view/events_json.h"
#include "report/view/events_text.h"
#include "report/view/page.h"

struct printer {
	const struct options *options;
	struct session *session;
	struct out *out;
	const struct filter *filter; /* null: all */
	enum event_column columns[OPTIONS_COLUMNS_MAX];
	unsigned column_count;
	uint64_t seq;
	uint64_t from_ns; /* earlier events are read, and not printed */
};

/* Chooses the columns of --csv: those of --columns, or all. */
static int choose_columns(struct printer *printer)
{
	const struct options *options = printer->options;

	if (options->column_count && !options->csv) {
		error_line("--columns", "events has columns with --csv only");
		return EXIT_USAGE;
	}
	for (unsigned i = 0; i < options->column_count; i++) {
		int column = events_column(options->columns[i]);

		if (column < 0) {
			error_line(options->columns[i],
				   "no such column; see 'memshim help events'");
			return EXIT_USAGE;
		}
		printer->columns[printer->column_count++] = (enum event_column)column;
	}
	for (int i = 0; i < EVENT_COLUMN_COUNT && !options->column_count; i++)
		printer->columns[printer->column_count++] = (enum event_column)i;
	return 0;
}

static bool wants_stacks(const struct printer *printer)
{
	return printer->options->json ? !printer->options->no_stacks : printer->options->stacks;
}

static void event_print(struct printer *printer, const struct event *event)
{
	struct model *model = printer->session->model;
	struct event_view view = {.event = event, .model = model};

	if (!model_process(model, event->process))
		session_find_process(printer->session, event->process);
	if (event->kind == KIND_EXEC)
		session_find_process(printer->session, event->u.life.other);
	if (event->stack && wants_stacks(printer) && event->time_ns >= printer->from_ns &&
	    session_find_stack(printer->session, event->stack))
		session_names(
			printer->session,
			&(struct symbols_options){.sysroot = printer->options->sysroot,
						  .debuginfod = printer->options->debuginfod});
	model_add_event(model, event);
	if (event->time_ns < printer->from_ns)
		return;
	view.process = model_process(model, event->process);
	if (event_is_of_object(event))
		view.segment = model_event_segment(model, event);
	if (printer->filter && !filter_event(printer->filter, event, view.process, view.segment))
		return;
	if (event_is_of_mapping(event) && !event_failed(event) && view.process &&
	    view.process->mappings)
		view.purpose = view.process->mappings->last;
	view.seq = printer->seq++;
	if (printer->options->json)
		events_json(printer->out, &view, !printer->options->no_stacks);
	else if (printer->options->csv)
		events_csv(printer->out, &view, printer->columns, printer->column_count);
	else
		events_text(printer->out, &view, printer->options->exact, printer->options->stacks);
}

static int print_all(struct printer *printer)
{
	struct cursor *cursor = printer->session->cursor;
	const struct event *events;
	uint32_t count;

	while (!printer->out->error) {
		if (cursor_would_wait(cursor))
			out_flush(printer->out);
		switch (cursor_take(cursor, &events, &count)) {
		case CURSOR_MORE:
			for (uint32_t i = 0; i < count && !printer->out->error; i++)
				event_print(printer, &events[i]);
			break;
		case CURSOR_OVERRUN:
			error_line("events",
				   "the log was overwritten before it was read: some events "
				   "are missing here");
			break;
		case CURSOR_NO_MEMORY:
			error_line("events", "not enough memory");
			return EXIT_ABSENT;
		case CURSOR_LATER: /* unused: this cursor waits for events */
		case CURSOR_ABANDONED:
		case CURSOR_END:
			return 0;
		}
	}
	return 0;
}

/* Reports lost events on standard error, so that the output stays parsable. */
static void warn_of_losses(const struct session *session)
{
	static const enum loss by_cursor[] = {LOST_OVERWRITTEN, LOST_TORN, LOST_DAMAGED};

	for (size_t i = 0; i < sizeof by_cursor / sizeof *by_cursor; i++) {
		uint64_t lost = cursor_lost(session->cursor, by_cursor[i]);

		if (lost)
			error_format("events", "%llu %s: %s", (unsigned long long)lost,
				     loss_name(by_cursor[i]), loss_words(by_cursor[i]));
	}
}

/*
 * When no event was printed, checks whether the session has the process or segment that the user
 * named by number. Its events may be lost, so the tables are searched too.
 */
static int check_absence(struct printer *printer)
{
	const struct filter *filter = &printer->options->filter;
	int ret;

	if (printer->seq > 0 || !(filter->pid || filter->by_id))
		return 0;
	ret = session_finish(printer->session);
	if (ret == 0 && !session_has(printer->session, printer->session->model, filter))
		ret = EXIT_ABSENT;
	return ret;
}

int command_events(int argc, char **argv)
{
	struct options options;
	struct session session;
	struct printer printer = {.options = &options, .session = &session};
	char path[PATH_MAX];
	int ret = options_read(&options, COMMAND_EVENTS, argc, argv), written;

	if (ret == 0 && options.help)
		return help_show("events");
	if (ret != 0 || (ret = choose_columns(&printer)) != 0)
		return ret;
	if (!options_find_file(&options, path))
		return EXIT_ABSENT;
	ret = session_open(&session, path, options.follow);
	if (ret != 0)
		return ret;
	printer.out = page_begin(options.color);
	if (options.follow && !options.from_start && session.model->session.state == SESSION_LIVE)
		printer.from_ns = session.model->session.duration_ns;
	printer.filter = filter_is_set(&options.filter) ? &options.filter : NULL;
	cursor_watch(session.cursor, printer.out->fd);
	if (options.csv && !options.no_headings)
		events_csv_heading(printer.out, printer.columns, printer.column_count);
	ret = print_all(&printer);
	if (ret == 0)
		ret = check_absence(&printer);
	written = out_finish(printer.out);
	if (written == 0)
		warn_of_losses(&session);
	session_close(&session);
	return ret ? ret : written;
}
