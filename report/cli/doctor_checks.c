/* SPDX-License-Identifier: MIT */
#include "report/cli/doctor_checks.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "report/procfs/proc.h"
#include "report/reader/facts.h"
#include "report/recorder/inspect.h"
#include "report/recorder/preload_check.h"
#include "report/recorder/session_create.h"
#include "report/session/find.h"
#include "report/session/session.h"
#include "report/util/library.h"
#include "report/util/path.h"

static void __attribute__((format(printf, 3, 4)))
doctor_refuse(struct doctor_row *row, const char *remedy, const char *format, ...)
{
	va_list arguments;

	row->verdict = DOCTOR_BAD;
	va_start(arguments, format);
	vsnprintf(row->reason, sizeof row->reason, format, arguments);
	va_end(arguments);
	snprintf(row->remedy, sizeof row->remedy, "%s", remedy);
}

static void doctor_set(struct doctor_row *rows, enum doctor_check first, enum doctor_check last,
		       enum doctor_verdict verdict)
{
	for (unsigned check = first; check <= last; check++)
		rows[check].verdict = verdict;
}

/* ---- this machine ---- */

static void doctor_check_library(struct doctor_row *row)
{
	char library[PATH_MAX];
	struct statvfs fs;

	row->verdict = DOCTOR_OK;
	if (!library_find(library))
		doctor_refuse(row, "install the shim beside the program", "not found");
	else if (statvfs(library, &fs) == 0 && fs.f_flag & ST_NOEXEC)
		doctor_refuse(row, "install memshim elsewhere",
			      "its file system is mounted noexec: the loader cannot map %s",
			      library);
}

/* True stops: the folder has room. The first folder without room gives the reason. */
static bool doctor_check_folder(void *context, const char *folder)
{
	struct doctor_row *row = context;
	const char *why = session_create_shortage(folder);

	if (!why)
		row->verdict = DOCTOR_OK;
	else if (row->verdict != DOCTOR_BAD)
		doctor_refuse(row, "set MEMSHIM_DIR to a folder on tmpfs", "%s: %s", folder, why);
	return !why;
}

void doctor_check_machine(struct doctor_row *rows)
{
	struct doctor_row *row = &rows[DOCTOR_FOLDER];

	doctor_check_library(&rows[DOCTOR_LIBRARY]);
	if (find_each_folder(doctor_check_folder, row))
		row->reason[0] = row->remedy[0] = '\0';
}

/* ---- a program ---- */

static const struct doctor_program_check {
	unsigned why;
	enum doctor_check check;
	const char *remedy;
} doctor_program_checks[] = {
	/* In the order in which inspect_command decides. */
	{WHY_OTHER_CLASS, DOCTOR_WORD_SIZE,
	 "build the program, or memshim, for the other's machine"},
	{WHY_STATIC, DOCTOR_STATIC, "link the program dynamically"},
	{WHY_OTHER_LIBC, DOCTOR_LIBC, "build the program with glibc"},
	{WHY_SETUID, DOCTOR_SET_UID,
	 "record it as its owner, or a copy without the set-uid bit and capabilities"},
	{WHY_ASAN, DOCTOR_SANITIZER, "set ASAN_OPTIONS=verify_asan_link_order=0"},
};

#define PROGRAM_CHECKS (sizeof doctor_program_checks / sizeof *doctor_program_checks)

/* The inspection ends at its first reason: the checks before it hold, those after it are open. */
static void take_inspection(struct doctor_row *rows, const struct inspection *in)
{
	enum doctor_verdict verdict = DOCTOR_OK;

	for (size_t i = 0; i < PROGRAM_CHECKS; i++) {
		const struct doctor_program_check *row = &doctor_program_checks[i];

		rows[row->check].verdict = verdict;
		if (in->verdict != INSPECT_UNSEEN || in->why != row->why)
			continue;
		doctor_refuse(&rows[row->check], row->remedy, "%s: %s", in->path,
			      inspect_words(in->why));
		verdict = DOCTOR_UNKNOWN;
	}
}

/* Whether env(1) is told to drop LD_PRELOAD. */
static bool drops_preload(char *const *argv)
{
	if (strcmp(path_base_name(argv[0]), "env") != 0)
		return false;
	for (argv++; *argv && **argv == '-'; argv++) {
		if (strcmp(*argv, "-") == 0 || strcmp(*argv, "-i") == 0 ||
		    strcmp(*argv, "--ignore-environment") == 0 ||
		    strcmp(*argv, "-uLD_PRELOAD") == 0 || strcmp(*argv, "--unset=LD_PRELOAD") == 0)
			return true;
		if (strcmp(*argv, "-u") == 0 && argv[1] && strcmp(*++argv, "LD_PRELOAD") == 0)
			return true;
	}
	return false;
}

void doctor_check_command(struct doctor_row *rows, char *const *argv)
{
	struct doctor_row *command = &rows[DOCTOR_COMMAND];
	static struct inspection in;

	inspect_command(&in, argv[0]);
	if (in.verdict == INSPECT_NOT_FOUND || in.verdict == INSPECT_CANNOT_RUN) {
		doctor_set(rows, DOCTOR_WORD_SIZE, DOCTOR_ENVIRONMENT, DOCTOR_UNKNOWN);
		if (in.verdict == INSPECT_NOT_FOUND && !strchr(argv[0], '/'))
			doctor_refuse(command, "", "%s: command not found", argv[0]);
		else if (in.interpreter[0])
			doctor_refuse(command, "", "%s: cannot be run without %s: %s", argv[0],
				      in.interpreter, strerror(in.error));
		else
			doctor_refuse(command, "", "%s: %s", argv[0], strerror(in.error));
		return;
	}
	command->verdict = DOCTOR_OK;
	take_inspection(rows, &in);
	rows[DOCTOR_ENVIRONMENT].verdict = DOCTOR_OK;
	if (drops_preload(argv))
		doctor_refuse(&rows[DOCTOR_ENVIRONMENT],
			      "run env outside: env ... memshim record COMMAND",
			      "%s runs its command without LD_PRELOAD in its environment", argv[0]);
}

/* ---- a process ---- */

/* Why a process is in no session: its program, then its environment. */
static void doctor_check_unfollowed(struct doctor_row *rows, pid_t pid)
{
	static struct inspection in;
	enum preload preload;

	inspect_process(&in, pid);
	take_inspection(rows, &in);
	doctor_refuse(&rows[DOCTOR_FOLLOWED], "start it under 'memshim record'",
		      "process %ld does not run under the shim", (long)pid);
	if (in.verdict == INSPECT_UNSEEN)
		return;
	preload = preload_find(pid);
	rows[DOCTOR_ENVIRONMENT].verdict = DOCTOR_OK;
	rows[DOCTOR_ROOT].verdict = DOCTOR_OK;
	if (preload == PRELOAD_HAS_NOT) {
		doctor_refuse(&rows[DOCTOR_ENVIRONMENT],
			      "start it under 'memshim record', or after eval \"$(memshim env)\"",
			      "%s", unfollowed_words(WHY_NO_ENVIRONMENT));
		rows[DOCTOR_ROOT].verdict = DOCTOR_UNKNOWN;
	} else if (preload == PRELOAD_ELSEWHERE) {
		doctor_refuse(&rows[DOCTOR_ROOT], "install memshim there, under the same path",
			      "%s", unfollowed_words(WHY_OTHER_ROOT));
	}
}

static const struct model_process *find_image(const struct model *model, pid_t pid)
{
	const struct model_process *found = NULL;

	for (uint32_t i = 0; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model->processes.by_instance[i];

		if (process && process->facts.state == STATE_RUNNING &&
		    (process->facts.host_pid ? process->facts.host_pid : process->facts.pid) == pid)
			found = process;
	}
	return found;
}

static void doctor_check_losses(struct doctor_row *row, const struct model *model)
{
	row->verdict = DOCTOR_OK;
	for (int loss = 0; loss < LOST_COUNT; loss++)
		if (model->losses.lost[loss] && row->verdict == DOCTOR_OK)
			doctor_refuse(row,
				      loss == LOST_OVERWRITTEN ? "record with a larger --log-size"
							       : "see LOSSES in memshim(1)",
				      "%llu %s: %s", (unsigned long long)model->losses.lost[loss],
				      loss_name((enum loss)loss), loss_words((enum loss)loss));
}

static void doctor_check_session(struct doctor_row *rows, pid_t pid, const char *path)
{
	const struct model_process *process;
	struct session session;

	doctor_set(rows, DOCTOR_REDIRECTED, DOCTOR_LOST, DOCTOR_UNKNOWN);
	if (session_all(&session, path) != 0) {
		doctor_refuse(&rows[DOCTOR_FOLLOWED], "", "%s: its session cannot be read", path);
		return;
	}
	rows[DOCTOR_FOLLOWED].verdict = DOCTOR_OK;
	process = find_image(session.model, pid);
	if (process && process->facts.coverage == COVERED_FULL)
		rows[DOCTOR_REDIRECTED].verdict = DOCTOR_OK;
	else if (process)
		doctor_refuse(&rows[DOCTOR_REDIRECTED], "unset MEMSHIM_PATCH", "%s",
			      loss_words(LOST_NOT_REDIRECTED));
	doctor_check_losses(&rows[DOCTOR_LOST], session.model);
	session_close(&session);
}

static void doctor_check_ipc_namespace(struct doctor_row *row, pid_t pid)
{
	uint64_t theirs = proc_ipc_namespace(pid), own = proc_own_ipc_namespace();

	row->verdict = theirs && own ? DOCTOR_OK : DOCTOR_UNKNOWN;
	if (theirs && own && theirs != own)
		doctor_refuse(row, "run memshim in that namespace, by nsenter(1) with -i",
			      "process %ld is in another IPC namespace: ids and keys mean other "
			      "objects there",
			      (long)pid);
}

void doctor_check_process(struct doctor_row *rows, pid_t pid)
{
	char path[PATH_MAX];

	doctor_set(rows, DOCTOR_ACCESS, DOCTOR_LOST, DOCTOR_UNKNOWN);
	rows[DOCTOR_ACCESS].verdict = DOCTOR_OK;
	if (!proc_may_read(pid)) {
		doctor_refuse(&rows[DOCTOR_ACCESS], "ask as its user, or as root",
			      "this user may not read the maps and the environment of process %ld",
			      (long)pid);
		return;
	}
	doctor_check_ipc_namespace(&rows[DOCTOR_IPC_NAMESPACE], pid);
	if (find_by_pid(pid, true, path))
		doctor_check_session(rows, pid, path);
	else
		doctor_check_unfollowed(rows, pid);
}
