/* SPDX-License-Identifier: MIT */
/* Says whether the shim will see a program, or sees a process; and if not, why. */
#include <stdio.h>

#include "report/cli/command.h"
#include "report/cli/doctor_checks.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/procfs/proc.h"
#include "report/util/error.h"
#include "report/view/json.h"
#include "report/view/page.h"

static const struct {
	const char *name, *meaning;
} doctor_names[DOCTOR_COUNT] = {
#define DOCTOR_CHECK(id, name, meaning) [DOCTOR_##id] = {#name, meaning},
#include "report/cli/doctor_checks.def"
#undef DOCTOR_CHECK
};

static void doctor_put_row(struct out *out, unsigned check, const struct doctor_row *row)
{
	static const char *const verdicts[] = {"", "ok", "NO", "-"};

	out_safe_wide(out, doctor_names[check].name, 14);
	out_char(out, ' ');
	out_safe_wide(out, verdicts[row->verdict], 3);
	if (row->verdict == DOCTOR_OK)
		out_text(out, doctor_names[check].meaning);
	else if (row->verdict == DOCTOR_UNKNOWN)
		OUT(out, "not known");
	else
		out_safe(out, row->reason);
	if (row->remedy[0]) {
		OUT(out, "; ");
		out_safe(out, row->remedy);
	}
	out_char(out, '\n');
}

static void doctor_json_row(struct json *json, unsigned check, const struct doctor_row *row)
{
	json_open(json, NULL, '{');
	json_text(json, "id", doctor_names[check].name);
	if (row->verdict == DOCTOR_UNKNOWN)
		json_null(json, "ok");
	else
		json_bool(json, "ok", row->verdict == DOCTOR_OK);
	json_text_or_null(json, "reason", row->reason[0] ? row->reason : NULL);
	json_text_or_null(json, "remedy", row->remedy[0] ? row->remedy : NULL);
	json_close(json, '}');
}

/* True: no check failed. */
static bool doctor_show(struct out *out, const struct doctor_row *rows, bool as_json)
{
	struct json json = {out, false};
	bool good = true;

	for (unsigned check = 0; check < DOCTOR_COUNT; check++)
		good = good && rows[check].verdict != DOCTOR_BAD;
	if (as_json) {
		json_open(&json, NULL, '{');
		json_number(&json, "schema", 1);
		json_bool(&json, "ok", good);
		json_open(&json, "checks", '[');
	}
	for (unsigned check = 0; check < DOCTOR_COUNT; check++) {
		if (rows[check].verdict == DOCTOR_NOT_ASKED)
			continue;
		if (as_json)
			doctor_json_row(&json, check, &rows[check]);
		else
			doctor_put_row(out, check, &rows[check]);
	}
	if (as_json) {
		json_close(&json, ']');
		json_close(&json, '}');
		out_char(out, '\n');
	}
	return good;
}

int command_doctor(int argc, char **argv)
{
	static struct doctor_row rows[DOCTOR_COUNT];
	struct options options;
	struct proc_facts facts;
	struct out *out;
	bool good;
	int ret = options_read(&options, COMMAND_DOCTOR, argc, argv);

	if (ret != 0 || options.help)
		return ret != 0 ? ret : help_show("doctor");
	if (options.process && !proc_facts((pid_t)options.process, &facts)) {
		error_format("doctor", "process %ld: no such process", options.process);
		return EXIT_ABSENT;
	}
	doctor_check_machine(rows);
	if (*options.command)
		doctor_check_command(rows, options.command);
	if (options.process)
		doctor_check_process(rows, (pid_t)options.process);
	out = page_begin(COLOR_NEVER);
	good = doctor_show(out, rows, options.json);
	ret = out_finish(out);
	return ret ? ret : good ? EXIT_DONE : EXIT_ABSENT;
}
