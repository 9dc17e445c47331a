/* SPDX-License-Identifier: MIT */
#include "report/recorder/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define uthash_nonfatal_oom(element) ((element)->unhashed = true)
#include "report/util/hash.h"

#include "report/procfs/maps.h"
#include "report/procfs/proc.h"
#include "report/procfs/status.h"
#include "report/reader/facts.h"
#include "report/recorder/inspect.h"
#include "report/recorder/preload_check.h"
#include "report/recorder/scan_budget.h"
#include "report/recorder/session_create.h"
#include "report/recorder/slots.h"
#include "report/util/now.h"

#define SETTLED_NS 1000000000ull /* after this time a program has loaded its libraries */
#define STARTED_NS 50000000ull   /* a process that ended sooner may have been about to register */
#define DEPTH_MAX 64u            /* generations in one scan */

/* A process of the tree that has not registered. */
struct unregistered_process {
	pid_t pid; /* key */
	pid_t ppid;
	uint64_t start_time;
	uint64_t start_break;
	uint64_t met_ns; /* first seen with this program; met_clock: by the session's clock */
	uint64_t met_clock;
	uint64_t seen_ns;
	unsigned round;  /* the last scan that found it alive */
	bool reported;   /* its row is written, or it needs none */
	bool doubtful;   /* the reason in that row is only suspected */
	bool suspected;  /* `why` is valid, and not reported */
	uid_t other_uid; /* its user, to whom the segment is closed; 0: it is this user's */
	bool executed;   /* it replaced an image that had registered */
	unsigned why;
	char exe[232];
	bool unhashed;
	UT_hash_handle hh;
};

struct tree {
	struct drain *drain;
	struct watch *watch;
	pid_t command;
	bool silent;
	const char *segment; /* the end of the path, from the slash */
	struct unregistered_process *unregistered_processes;
	unsigned round;
	unsigned depth;
	struct scan_budget budget;
};

static void tree_append(const struct tree *tree, const struct unregistered_process *s, unsigned why)
{
	struct drain_unfollowed process = {s->pid, s->ppid, why, s->other_uid, s->exe};

	drain_append_unfollowed(tree->drain, &process);
}

/* ---- the table ---- */

static struct unregistered_process *tree_find(const struct tree *tree, pid_t pid)
{
	struct unregistered_process *s;

	HASH_FIND(hh, tree->unregistered_processes, &pid, sizeof pid, s);
	return s;
}

static void tree_forget(struct tree *tree, struct unregistered_process *s)
{
	HASH_DEL(tree->unregistered_processes, s);
	free(s);
}

/*
 * Whether an image is older than the program that the process had at the first scan. An image that
 * registered later is not older. Otherwise the present start of the break decides, where it is
 * known. The first value that was read proves little: execve(2) sets the start twice, and has none
 * in between.
 */
static bool is_older(const struct unregistered_process *s, const struct drain_process *image)
{
	uint64_t start_break = image->start_break;
	struct proc_facts facts;

	if (start_break == 0 || image->start_clock >= s->met_clock)
		return false;
	if (!proc_facts(s->pid, &facts) || facts.state == 'Z')
		return s->start_break != 0 && s->start_break != start_break;
	if (facts.start_break == 0)
		return proc_may_read(s->pid);
	return facts.start_break != start_break;
}

/* Whether it is an emulator, usually static, that runs a program with the shim inside itself. */
static bool is_host(const struct unregistered_process *s)
{
	struct proc_facts facts;

	return s->start_break != 0 && proc_facts(s->pid, &facts) &&
	       facts.start_break == s->start_break;
}

/* The process has registered after all. */
static void forget_registered(void *context, pid_t pid, const struct drain_process *image)
{
	struct tree *tree = context;
	struct unregistered_process *s = tree_find(tree, pid);

	if (!s || is_older(s, image))
		return;
	if (s->reported && !tree->silent && (s->doubtful || is_host(s)))
		tree_append(tree, s, WHY_REGISTERED);
	tree_forget(tree, s);
}

/*
 * The program of the process maps the segment now: it has registered, also where nobody can tell
 * which image is its own (another pid namespace, without /proc). A suspicion ends.
 */
static void withdraw_suspicion(struct tree *tree, struct unregistered_process *s)
{
	if (s->reported && s->doubtful && !tree->silent)
		tree_append(tree, s, WHY_REGISTERED);
	s->reported = s->reported && !s->doubtful;
	s->suspected = false;
}

static void tree_forget_suspected(struct tree *tree, pid_t pid, const struct proc_facts *facts)
{
	struct unregistered_process *s = tree_find(tree, pid);

	if (!s || s->start_time != facts->start_time || s->start_break != facts->start_break)
		return;
	withdraw_suspicion(tree, s);
	if (!s->reported)
		tree_forget(tree, s);
}

/* The entry of a process; reset if the pid is of another process, or runs another program. */
static struct unregistered_process *tree_find_or_add(struct tree *tree, pid_t pid,
						     const struct proc_facts *facts)
{
	struct unregistered_process *s = tree_find(tree, pid);

	if (!s) {
		s = calloc(1, sizeof *s);
		if (!s)
			return NULL;
		s->pid = pid;
		HASH_ADD(hh, tree->unregistered_processes, pid, sizeof s->pid, s);
		if (s->unhashed) {
			free(s);
			return NULL;
		}
		s->met_ns = now_ns();
		s->met_clock = drain_now(tree->drain);
	} else if (s->start_time != facts->start_time || s->start_break != facts->start_break) {
		s->reported = s->reported && s->start_time == facts->start_time;
		s->suspected = false;
		s->met_ns = now_ns();
		s->met_clock = drain_now(tree->drain);
	}
	s->start_time = facts->start_time;
	s->start_break = facts->start_break;
	s->ppid = facts->ppid;
	s->seen_ns = now_ns();
	s->round = tree->round;
	return s;
}

struct tree *tree_make(struct drain *drain, struct watch *watch, pid_t command, bool silent)
{
	struct tree *tree = calloc(1, sizeof *tree);

	if (!tree)
		return NULL;
	*tree = (struct tree){
		.drain = drain,
		.watch = watch,
		.command = command,
		.silent = silent,
		.segment = strrchr(drain_segment_path(drain), '/'),
		.budget = scan_budget_begin(),
	};
	watch_on_registration(watch, forget_registered, tree);
	return tree;
}

void tree_free(struct tree *tree)
{
	struct unregistered_process *s, *next;

	HASH_ITER (hh, tree->unregistered_processes, s, next) {
		tree_forget(tree, s);
	}
	free(tree);
}

/* ---- why ---- */

/* A suspicion does not count for an image that has registered and is not yet watched. */
static bool is_suspect(const struct tree *tree, const struct unregistered_process *s)
{
	return s->suspected &&
	       !drain_has_registered(tree->drain, s->pid, s->start_time, s->start_break);
}

/*
 * Whether the process ran long enough to register. A process that replaced an image by execve(2)
 * is reported in any case: the log has that execve(2), and no event after it.
 */
static bool had_time_to_register(const struct unregistered_process *s, uint64_t until_ns)
{
	return s->why == WHY_NO_ENVIRONMENT || s->other_uid || s->executed ||
	       until_ns - s->met_ns > STARTED_NS;
}

static void tree_report(struct tree *tree, struct unregistered_process *s)
{
	if (!s->reported)
		s->doubtful = s->why == WHY_NO_ACCESS || s->why == WHY_UNKNOWN;
	if (!tree->silent && !s->reported)
		tree_append(tree, s, s->why);
	s->reported = true;
	if (s->executed)
		watch_note_exec(tree->watch, s->pid, true);
}

/*
 * This user has no ptrace access: only the arguments and comm can be read. In the middle of
 * execve(2) there are no arguments yet: then the next scan decides.
 */
static void judge_hidden(struct tree *tree, struct unregistered_process *s,
			 const struct proc_facts *facts)
{
	bool other = status_has_other_rights(s->pid), named;

	s->exe[0] = '\0';
	named = proc_read(s->pid, "cmdline", s->exe, sizeof s->exe) > 0;
	if (!named)
		snprintf(s->exe, sizeof s->exe, "%s", facts->comm);
	s->suspected = true;
	s->why = other ? WHY_SETUID : WHY_UNKNOWN;
	if (other && named)
		tree_report(tree, s);
}

/* A program that could have loaded the shim has not registered. */
static void judge_silent(struct tree *tree, struct unregistered_process *s)
{
	enum preload preload;

	if (maps_has_file(s->pid, PRELOAD_LIBRARY)) {
		s->why = WHY_NO_ACCESS;
		return;
	}
	preload = preload_find(s->pid);
	s->why = preload == PRELOAD_HAS_NOT ? WHY_NO_ENVIRONMENT
		 : s->other_uid             ? WHY_NO_ACCESS
					    : WHY_UNKNOWN;
	if (preload != PRELOAD_ELSEWHERE)
		return;
	s->why = WHY_OTHER_ROOT;
	tree_report(tree, s);
}

static void tree_judge(struct tree *tree, struct unregistered_process *s,
		       const struct proc_facts *facts)
{
	struct inspection in;

	if (!proc_may_read(s->pid)) {
		if (!s->reported)
			judge_hidden(tree, s, facts);
		return;
	}
	if (maps_has_file(s->pid, tree->segment)) {
		/* Or it is a child of fork: it registers at its first call. */
		withdraw_suspicion(tree, s);
		return;
	}
	if (s->reported)
		return;
	s->suspected = false;
	inspect_process(&in, s->pid);
	if (in.path[0] == '\0')
		return;
	snprintf(s->exe, sizeof s->exe, "%.*s", (int)sizeof s->exe - 1, in.path);
	s->suspected = true;
	s->other_uid = proc_other_uid(s->pid);
	if (in.verdict == INSPECT_UNSEEN) {
		s->why = in.why;
		tree_report(tree, s);
	} else {
		judge_silent(tree, s);
	}
}

static void tree_scan_process(struct tree *tree, pid_t pid, const struct proc_facts *facts,
			      bool executed)
{
	struct unregistered_process *s = tree_find_or_add(tree, pid, facts);

	if (!s || (tree->silent && !executed))
		return;
	s->executed = executed;
	if (!s->reported || s->doubtful)
		tree_judge(tree, s, facts);
	if (!s->reported && now_ns() - s->met_ns > SETTLED_NS && is_suspect(tree, s))
		tree_report(tree, s);
	if (executed && (s->suspected || s->reported))
		watch_note_exec(tree->watch, pid, s->reported);
}

/* ---- where ---- */

static void tree_scan_below(struct tree *tree, pid_t pid);

static void tree_scan_child(void *context, pid_t pid)
{
	struct tree *tree = context;
	struct proc_facts facts;

	if (watch_knows(tree->watch, pid) || !proc_facts(pid, &facts) || facts.state == 'Z')
		return;
	tree_scan_process(tree, pid, &facts, false);
	tree_scan_below(tree, pid);
}

static void tree_scan_below(struct tree *tree, pid_t pid)
{
	if (tree->depth == DEPTH_MAX)
		return;
	tree->depth++;
	proc_each_child(pid, tree_scan_child, tree);
	tree->depth--;
}

/*
 * The process may have called execve(2) with a program without the shim: then stat field 47 has
 * changed.
 */
static void tree_scan_watched(void *context, pid_t pid, uint64_t start_break)
{
	struct tree *tree = context;
	struct proc_facts facts;
	bool other;

	if (!proc_facts(pid, &facts) || facts.state == 'Z')
		return;
	other = start_break != 0 && facts.start_break != 0 && facts.start_break != start_break;
	if ((other || start_break == 0) && proc_may_read(pid)) {
		if (!maps_has_file(pid, tree->segment))
			tree_scan_process(tree, pid, &facts, other);
		else
			tree_forget_suspected(tree, pid, &facts);
	}
	tree_scan_below(tree, pid);
}

/* Processes of earlier scans: when their parent ends, no list of children has them. */
static void tree_scan_known(struct tree *tree)
{
	struct unregistered_process *s, *next;
	struct proc_facts facts;

	HASH_ITER (hh, tree->unregistered_processes, s, next) {
		if (s->round == tree->round)
			continue;
		if (proc_facts(s->pid, &facts) && facts.state != 'Z' &&
		    facts.start_time == s->start_time)
			tree_scan_child(tree, s->pid);
	}
	HASH_ITER (hh, tree->unregistered_processes, s, next) {
		if (s->round == tree->round || watch_knows(tree->watch, s->pid))
			continue;
		if (had_time_to_register(s, s->seen_ns) && is_suspect(tree, s))
			tree_report(tree, s);
		tree_forget(tree, s);
	}
}

static void tree_scan_all(struct tree *tree)
{
	tree->round++;
	watch_each(tree->watch, tree_scan_watched, tree);
	if (!watch_knows(tree->watch, tree->command))
		tree_scan_child(tree, tree->command);
	tree_scan_known(tree);
}

void tree_note_command(struct tree *tree, unsigned why, const char *exe)
{
	struct proc_facts facts;
	struct inspection in;
	struct unregistered_process *s;

	proc_facts(tree->command, &facts);
	inspect_process(&in, tree->command);
	s = tree_find_or_add(tree, tree->command, &facts);
	if (!s)
		return;
	s->ppid = getpid();
	s->why = why;
	snprintf(s->exe, sizeof s->exe, "%.*s", (int)sizeof s->exe - 1, in.path[0] ? in.path : exe);
	tree_report(tree, s);
}

uint64_t tree_scan(struct tree *tree, bool hurry)
{
	uint64_t now = now_ns();

	if (hurry)
		scan_budget_hurry(&tree->budget, now);
	if (now >= tree->budget.next_ns) {
		tree_scan_all(tree);
		scan_budget_charge(&tree->budget, now);
		now = tree->budget.last_ns;
	}
	return tree->budget.next_ns - now;
}

void tree_finish(struct tree *tree)
{
	struct unregistered_process *s, *next;

	tree_scan_all(tree);
	HASH_ITER (hh, tree->unregistered_processes, s, next) {
		if (had_time_to_register(s, now_ns()) && is_suspect(tree, s))
			tree_report(tree, s);
	}
}

bool tree_alive(const struct tree *tree)
{
	return watch_count(tree->watch) > 0 || HASH_COUNT(tree->unregistered_processes) > 0;
}
