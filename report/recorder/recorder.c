/* SPDX-License-Identifier: MIT */
/*
 * One thread waits for a signal, a registration, a process's end, or the next pass over the log;
 * the fuller the log was, the shorter the interval. All steps that may fail come before COMMAND
 * runs; if the recorder fails later, COMMAND runs on.
 */
#include "report/recorder/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "report/recorder/break_check.h"
#include "report/recorder/drain.h"
#include "report/recorder/inspect.h"
#include "report/recorder/launch.h"
#include "report/recorder/output.h"
#include "report/recorder/registrations.h"
#include "report/recorder/session_create.h"
#include "report/recorder/session_finish.h"
#include "report/recorder/tree.h"
#include "report/recorder/truncation_guard.h"
#include "report/recorder/usage.h"
#include "report/util/error.h"
#include "report/util/library.h"
#include "report/util/limits.h"
#include "report/util/now.h"

#define LARGE_BYTES (128 << 10)
#define INTERVAL_MIN_NS 1000000ull
#define INTERVAL_MAX_NS 20000000ull
#define GRACE_NS 20000000ull /* for processes that the same signal ended */
#define COMPARE_MIN_NS 20000000ull
#define COMPARE_MAX_NS 500000000ull
#define COMPARE_SHARE 50u     /* break checks take at most this part of the time */
#define SETTLE_NS 60000000ull /* --wait: longer than the interval between two scans of the tree */

struct recorder {
	const struct record_options *options;
	struct inspection inspection;
	struct output output;
	struct launch launch;
	struct drain *drain;
	struct registrations *registrations;
	struct watch *watch;
	struct tree *tree;
	char library[PATH_MAX];
	int signal_fd;
	bool was_cut;      /* the segment */
	bool was_punched;  /* it had holes, which were filled again */
	bool asked_to_end; /* by a signal, after COMMAND had ended */
	bool command_ended;
	int status; /* of COMMAND, as wait(2) has it */
	uint64_t interval_ns, next_scan_ns;
	uint64_t compare_at_ns, compare_pause_ns; /* of the break checks */
};

/* ---- before COMMAND ---- */

static void recorder_explain_failure(int error)
{
	char why[256];

	limits_explain(error, why, sizeof why);
	error_line("record", why);
}

/*
 * RLIMIT_DATA counts every block. So malloc maps large blocks, which it can grow and unmap, and all
 * threads share one heap.
 */
static void save_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	mallopt(M_ARENA_MAX, 1);
}

/* 0, or the exit code after its one line. */
static int recorder_find_library(char library[PATH_MAX])
{
	if (!library_find(library))
		return EXIT_MEMSHIM;
	if (!strpbrk(library, " :$"))
		return 0;
	error_line(library, "LD_PRELOAD cannot name a path with a blank, ':' or '$': move it");
	return EXIT_MEMSHIM;
}

/* 0, or the exit code after its one line. */
static int recorder_inspect(struct recorder *r)
{
	struct inspection *in = &r->inspection;
	const char *command = r->options->command[0];

	inspect_command(in, command);
	switch (in->verdict) {
	case INSPECT_NOT_FOUND:
		error_line(*command ? command : "record",
			   strchr(command, '/') ? strerror(in->error) : "command not found");
		return EXIT_NOT_FOUND;
	case INSPECT_CANNOT_RUN:
		if (in->interpreter[0])
			error_format(command, "cannot be run without %s: %s", in->interpreter,
				     strerror(in->error));
		else
			error_line(command, strerror(in->error));
		return EXIT_CANNOT_RUN;
	case INSPECT_UNSEEN:
		error_format(in->path, "%s: it runs, but its calls are not seen",
			     inspect_words(in->why));
		return 0;
	case INSPECT_SEEN:
		break;
	}
	return 0;
}

static uint32_t recorder_join_command(char **argv, char words[1024])
{
	uint32_t used = 0;

	for (; *argv && used < 1024; argv++) {
		size_t length = strlen(*argv) + 1;

		if (used + length > 1024)
			length = 1024 - used;
		memcpy(words + used, *argv, length);
		used += (uint32_t)length;
	}
	return used;
}

/* Creates the recording and the segment. False after one line. */
static bool recorder_make_session(struct recorder *r)
{
	char words[1024];
	struct drain_error error;
	struct drain_options options = {
		.log_bytes = r->options->log_bytes,
		.stack_depth = r->options->stack_depth,
		.no_follow = r->options->no_follow,
		.anonymous = r->options->anonymous,
		.no_compress = r->options->no_compress,
		.recording_path = r->output.absolute,
		.command = words,
		.command_bytes = recorder_join_command(r->options->command, words),
		.command_pid = r->launch.pid,
	};

	if (!output_name(r->options->output, r->options->command[0], r->launch.pid,
			 r->output.path)) {
		error_line("--output", strerror(ENAMETOOLONG));
		return false;
	}
	options.fd = output_open(&r->output);
	if (options.fd < 0)
		return false;
	r->drain = drain_make(&options, &error);
	if (r->drain)
		return true;
	error_line(error.what, error.why);
	output_cancel(&r->output);
	return false;
}

static void cancel_session(struct recorder *r)
{
	if (r->tree)
		tree_free(r->tree);
	if (r->watch)
		watch_free(r->watch);
	if (r->registrations) {
		registrations_stop(r->registrations);
		registrations_free(r->registrations);
	}
	drain_cancel(r->drain);
	output_cancel(&r->output);
}

/*
 * The recorder needs a pidfd for each process. COMMAND was forked before, and keeps its own limit.
 */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static bool recorder_make_watchers(struct recorder *r)
{
	raise_descriptor_limit();
	r->registrations = registrations_start(r->drain);
	if (r->registrations)
		r->watch = watch_make(r->drain, r->registrations, r->launch.pid);
	if (r->watch)
		usage_choose_pause(r->watch, r->options->sample_ms);
	if (r->watch)
		r->tree = tree_make(r->drain, r->watch, r->launch.pid, r->options->no_follow);
	if (r->tree)
		return true;
	recorder_explain_failure(errno);
	cancel_session(r);
	return false;
}

static int start_command(struct recorder *r)
{
	int error = launch_go(&r->launch, drain_segment_path(r->drain));
	bool missing = error == ENOENT && access(r->inspection.path, F_OK) != 0;

	if (!error) {
		if (r->inspection.verdict == INSPECT_UNSEEN)
			tree_note_command(r->tree, r->inspection.why, r->inspection.path);
		return 0;
	}
	waitpid(r->launch.pid, NULL, 0);
	cancel_session(r);
	error_line(r->options->command[0], strerror(error));
	return missing ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

/* ---- while COMMAND runs ---- */

static void check_command(struct recorder *r)
{
	struct rusage used;
	int status;

	if (r->command_ended || wait4(r->launch.pid, &status, WNOHANG, &used) != r->launch.pid)
		return;
	r->status = status;
	r->command_ended = true;
	watch_command_ended(r->watch, status, &used);
}

/* The next interval: short when the log fills up fast, else longer step by step. */
static uint64_t next_interval(uint64_t interval_ns, unsigned full)
{
	if (full > 10)
		return INTERVAL_MIN_NS;
	if (full > 0 || interval_ns >= INTERVAL_MAX_NS)
		return interval_ns;
	return interval_ns + INTERVAL_MIN_NS;
}

/* The break check: at growing intervals after a registration, and within its share of the time. */
static void compare_breaks(struct recorder *r, bool arrived)
{
	uint64_t now = now_ns(), took_ns;

	if (arrived) {
		r->compare_pause_ns = COMPARE_MIN_NS;
		r->compare_at_ns = now + COMPARE_MIN_NS;
	}
	if (now < r->compare_at_ns)
		return;
	drain_compare(r->drain);
	took_ns = (now_ns() - now) * COMPARE_SHARE;
	r->compare_at_ns = now + (took_ns > r->compare_pause_ns ? took_ns : r->compare_pause_ns);
	if (r->compare_pause_ns < COMPARE_MAX_NS)
		r->compare_pause_ns += r->compare_pause_ns / 2;
}

static void recorder_turn(struct recorder *r, uint64_t most_ns)
{
	struct pollfd wait[] = {{r->signal_fd, POLLIN, 0},
				{registrations_fd(r->registrations), POLLIN, 0},
				{watch_fd(r->watch), POLLIN, 0}};
	struct timespec limit = {0, (long)(r->next_scan_ns < most_ns ? r->next_scan_ns : most_ns)};

	if (usage_wait_ns(r->watch) < (uint64_t)limit.tv_nsec)
		limit.tv_nsec = (long)usage_wait_ns(r->watch);
	if (registrations_need_turns(r->registrations) && limit.tv_nsec > (long)INTERVAL_MIN_NS)
		limit.tv_nsec = INTERVAL_MIN_NS;
	ppoll(wait, 3, &limit, NULL);
	if (signals_pass_on(r->signal_fd, r->command_ended ? 0 : r->launch.pid))
		r->asked_to_end |= r->command_ended;
	check_command(r);
	watch_turn(r->watch);
	r->interval_ns = next_interval(r->interval_ns, drain_log(r->drain));
	r->next_scan_ns = tree_scan(r->tree, wait[1].revents & POLLIN);
	compare_breaks(r, wait[1].revents & POLLIN);
	usage_turn(r->watch, wait[1].revents & POLLIN);
}

/* Waits for SETTLE_NS: the tree may not have found a process yet that COMMAND left behind. */
static void wait_for_all(struct recorder *r)
{
	uint64_t settled = now_ns() + SETTLE_NS;

	while (!r->asked_to_end && (tree_alive(r->tree) || now_ns() < settled))
		recorder_turn(r, r->interval_ns);
}

static void recorder_follow(struct recorder *r)
{
	uint64_t graced;
	bool scanned;

	while (!r->command_ended)
		recorder_turn(r, r->interval_ns);
	graced = now_ns() + GRACE_NS;
	registrations_request_scan(
		r->registrations); /* a process that COMMAND left behind may not be queued yet */
	if (r->options->wait_all)
		wait_for_all(r);
	do {
		scanned = registrations_have_scanned(r->registrations);
		recorder_turn(r, INTERVAL_MIN_NS);
	} while ((watch_count(r->watch) > 0 || !scanned) && now_ns() < graced);
}

/* ---- after COMMAND ---- */

static int exit_status(const struct recorder *r)
{
	return WIFEXITED(r->status) ? WEXITSTATUS(r->status) : EXIT_SIGNAL + WTERMSIG(r->status);
}

static int recorder_close_session(struct recorder *r)
{
	bool exited = WIFEXITED(r->status);
	int ret;

	registrations_stop(r->registrations);
	watch_last_turn(r->watch);
	tree_finish(r->tree);
	drain_log(r->drain);
	r->was_cut = drain_was_cut(r->drain);
	r->was_punched = drain_was_punched(r->drain);
	ret = drain_finish(r->drain, exited ? WEXITSTATUS(r->status) : -1,
			   exited ? 0 : WTERMSIG(r->status));
	tree_free(r->tree);
	watch_free(r->watch);
	registrations_free(r->registrations);
	return ret;
}

static void recorder_finish(struct recorder *r, struct record_result *result)
{
	int ret = recorder_close_session(r);

	if (r->was_punched)
		error_line(r->output.path,
			   "a process of the session punched holes into its segment: "
			   "they were filled again, and what was in them is lost");
	if (r->was_cut)
		error_line(r->output.path,
			   "a process truncated the session's segment while programs "
			   "used it: the recording is not complete");
	else if (ret != 0)
		error_format(r->output.path, "%s: the recording is not complete", strerror(-ret));
	result->fd = r->output.fd;
	memcpy(result->path, r->output.path, sizeof result->path);
	result->complete = ret == 0 && !r->was_cut;
	result->exit_code = exit_status(r);
}

static int hold_command(struct recorder *r)
{
	bool preload = r->inspection.verdict != INSPECT_UNSEEN ||
		       inspect_bears_preload(r->inspection.why);
	int ret = 0;

	if (r->inspection.verdict == INSPECT_UNSEEN)
		r->launch.path = r->inspection.path;
	r->signal_fd = signals_catch(&r->launch.old_mask, &r->launch.old_child_action);
	if (r->signal_fd < 0)
		ret = -errno;
	else
		ret = launch_hold(&r->launch, r->options->command, preload ? r->library : NULL);
	if (ret != 0)
		recorder_explain_failure(-ret);
	umask(077); /* for the recorder alone: files get the modes that open(2) names */
	return ret;
}

static int recorder_record(struct recorder *r, struct record_result *result)
{
	int ret;

	if (hold_command(r) != 0)
		return EXIT_MEMSHIM;
	if (!recorder_make_session(r) || !recorder_make_watchers(r)) {
		launch_cancel(&r->launch);
		return EXIT_MEMSHIM;
	}
	ret = start_command(r);
	if (ret != 0)
		return ret;
	r->interval_ns = INTERVAL_MIN_NS;
	recorder_follow(r);
	recorder_finish(r, result);
	return 0;
}

int recorder_run(const struct record_options *options, struct record_result *result)
{
	static struct recorder recorder;
	struct recorder *r = &recorder;
	int ret;

	save_memory();
	r->options = options;
	ret = recorder_inspect(r);
	if (ret == 0)
		ret = recorder_find_library(r->library);
	return ret ? ret : recorder_record(r, result);
}
