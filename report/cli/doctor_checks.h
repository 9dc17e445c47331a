/* SPDX-License-Identifier: MIT */
/* The checks of doctor. A check that could not be made is DOCTOR_UNKNOWN, and not ok. */
#ifndef MEMSHIM_CLI_DOCTOR_CHECKS_H
#define MEMSHIM_CLI_DOCTOR_CHECKS_H

#include <stdbool.h>
#include <sys/types.h>

enum doctor_check {
#define DOCTOR_CHECK(id, name, meaning) DOCTOR_##id,
#include "report/cli/doctor_checks.def"
#undef DOCTOR_CHECK
	DOCTOR_COUNT
};

enum doctor_verdict {
	DOCTOR_NOT_ASKED, /* the check is not about what was asked */
	DOCTOR_OK,
	DOCTOR_BAD,
	DOCTOR_UNKNOWN, /* an earlier reason left nothing to check */
};

struct doctor_row {
	enum doctor_verdict verdict;
	char reason[512], remedy[256]; /* both of DOCTOR_BAD; "" none */
};

/* By enum doctor_check. The rows begin as DOCTOR_NOT_ASKED. */
void doctor_check_machine(struct doctor_row *rows);
void doctor_check_command(struct doctor_row *rows, char *const *argv);
void doctor_check_process(struct doctor_row *rows, pid_t pid);

#endif
