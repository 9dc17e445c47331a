/* SPDX-License-Identifier: MIT */
/* The name of a process that creates objects: an interpreter has the name of its script. */
#ifndef MEMSHIM_MODEL_CREATOR_H
#define MEMSHIM_MODEL_CREATOR_H

#include "report/reader/facts.h"

#define CREATOR_LABEL_BYTES 96

/*
 * "httpd"; "perl billing.pl" for an interpreter whose command line, words joined by blanks, names a
 * script; "perl" when it does not.
 */
const char *creator_label(const char *program, const char *cmdline, char to[CREATOR_LABEL_BYTES]);

/* The same of an image. */
const char *creator_process_label(const struct process_facts *facts, char to[CREATOR_LABEL_BYTES]);

#endif
