/* SPDX-License-Identifier: MIT */
/*
 * Draws one picture, or a sequence with --watch. On a terminal, each picture overwrites the last
 * one line by line, so that the terminal does not flicker. Elsewhere the pictures follow each
 * other.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/cli/options_files.h"
#include "report/session/address_space.h"
#include "report/util/error.h"
#include "report/view/map_json.h"
#include "report/view/map_text.h"
#include "report/view/page.h"

#define DELAY_DEFAULT_NS 1000000000u

static int no_memory(void)
{
	error_line("map", strerror(ENOMEM));
	return EXIT_ABSENT;
}

static bool map_draw(struct out *out, const struct options *options, const struct zones *zones,
		     const struct map_options *view_options)
{
	if (!options->json)
		return map_text(out, zones, view_options);
	map_json(out, zones);
	return !zones->no_memory;
}

static int map_show(const struct options *options, const struct zones *zones)
{
	struct out *out = page_begin(options->color);
	struct map_options view_options = {.scale = options->scale, .all = options->all};
	bool whole = map_draw(out, options, zones, &view_options);
	int ret = out_finish(out);

	return ret != 0 || whole ? ret : no_memory();
}

/* ---- --watch ---- */

static volatile sig_atomic_t interrupted;

static void map_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static void map_take_signals(void)
{
	struct sigaction action = {.sa_handler = map_interrupt};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* Sleeps until the next sample is due, or until a signal arrives. */
static void wait_until(struct timespec *due, uint64_t delay_ns)
{
	uint64_t ns = (uint64_t)due->tv_nsec + delay_ns;

	due->tv_sec += (time_t)(ns / 1000000000u);
	due->tv_nsec = (long)(ns % 1000000000u);
	while (!interrupted && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, due, NULL) == EINTR)
		;
}

static unsigned map_screen_lines(void)
{
	struct winsize size;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_row : 0;
}

struct watch {
	const struct options *options;
	struct address_space address_space;
	struct zones *before;
	bool terminal;
};

static bool draw_over(struct watch *watch, const struct zones *zones)
{
	struct out *out = page_begin(watch->options->color); /* with the terminal's new width */
	struct map_options view_options = {.before = watch->before,
					   .scale = watch->options->scale,
					   .all = watch->options->all};
	bool whole;

	if (watch->terminal && !watch->options->json) {
		view_options.lines_most = map_screen_lines();
		view_options.over = true;
		OUT(out, "\33[H");
	}
	whole = map_draw(out, watch->options, zones, &view_options);
	if (!watch->terminal && !watch->options->json)
		out_char(out, '\n');
	out_flush(out);
	return whole;
}

static void map_put_ended(const struct watch *watch)
{
	struct out *out = page_begin(watch->options->color);

	if (watch->options->json)
		return;
	OUT(out, "process ");
	out_signed(out, watch->address_space.pid);
	OUT(out, " has ended\n");
}

static int watch_on(struct watch *watch)
{
	uint64_t delay = watch->options->delay_ns ? watch->options->delay_ns : DELAY_DEFAULT_NS;
	uint64_t most = watch->options->iterations ? watch->options->iterations : UINT64_MAX;
	struct out *out = page_begin(watch->options->color);
	struct zones *zones = NULL;
	struct timespec due;
	bool whole;

	clock_gettime(CLOCK_MONOTONIC, &due);
	for (uint64_t i = 0; i < most && !interrupted && !out->error; i++) {
		if (i > 0)
			wait_until(&due, delay);
		if (interrupted)
			break;
		zones = address_space_read(&watch->address_space);
		if (!zones && i == 0)
			return EXIT_ABSENT;
		if (!zones) {
			map_put_ended(watch);
			break;
		}
		whole = draw_over(watch, zones);
		zones_free(watch->before);
		watch->before = zones;
		if (!whole)
			return no_memory();
	}
	if (interrupted && watch->terminal)
		out_char(out, '\n'); /* the terminal shows ^C on this line */
	return out_finish(out);
}

static bool is_screen(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

static int watch_process(const struct options *options, pid_t pid)
{
	struct watch watch = {
		.options = options, .address_space = {.pid = pid}, .terminal = is_screen()};
	int ret;

	map_take_signals();
	ret = watch_on(&watch);
	zones_free(watch.before);
	address_space_end(&watch.address_space);
	return ret;
}

/* ---- one picture ---- */

static int show_process(const struct options *options, pid_t pid)
{
	struct address_space address_space = {.pid = pid};
	struct zones *zones;
	int ret;

	if (options->watch)
		return watch_process(options, pid);
	zones = address_space_read(&address_space);
	address_space_end(&address_space);
	if (!zones)
		return EXIT_ABSENT;
	ret = map_show(options, zones);
	zones_free(zones);
	return ret;
}

static int show_file(const struct options *options)
{
	char path[PATH_MAX];
	struct zones *zones;
	pid_t runs = 0;
	int ret;

	if (!options_find_file(options, path))
		return EXIT_ABSENT;
	zones = address_space_of_session(path, options->filter.pid, &runs, &ret);
	if (runs)
		return show_process(options, runs);
	if (!zones)
		return ret;
	if (options->watch) {
		error_line(path, "--watch: the process has ended");
		ret = EXIT_ABSENT;
	} else {
		ret = map_show(options, zones);
	}
	zones_free(zones);
	return ret;
}

int command_map(int argc, char **argv)
{
	struct options options;
	int ret = options_read(&options, COMMAND_MAP, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("map");
	if (!options.watch && (options.delay_ns || options.iterations)) {
		error_line("map", "-d and -n need --watch; see 'memshim help map'");
		return EXIT_USAGE;
	}
	if (options.process && options.filter.pid) {
		error_line("map", "-p PID is a running process, --pid=PID one of FILE: give one");
		return EXIT_USAGE;
	}
	return options.process ? show_process(&options, (pid_t)options.process)
			       : show_file(&options);
}
