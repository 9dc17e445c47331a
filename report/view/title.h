/* SPDX-License-Identifier: MIT */
/* What a person calls a process: its program, or the script that an interpreter runs. */
#ifndef MEMSHIM_VIEW_TITLE_H
#define MEMSHIM_VIEW_TITLE_H

#include "report/model/model.h"

#define TITLE_BYTES 64u

/* "grow.py" of "python3 -O grow.py 7"; the program's name where no script is known. */
const char *title_of(const struct process_facts *facts, char text[TITLE_BYTES]);

#endif
