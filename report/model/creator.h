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

/* Only the label of an interpreter with a script; false: it is none. */
bool creator_script(const char *program, const char *cmdline, char to[CREATOR_LABEL_BYTES]);

/* creator_label of an image. */
const char *creator_process_label(const struct process_facts *facts, char to[CREATOR_LABEL_BYTES]);

/*
 * What a server wrote over its arguments, without what differs from one worker to the next: the
 * words up to the first with a digit or one of "/[(*@". "postgres: 15/main: bench db [local] idle"
 * is "postgres: 15/main: bench db": words that end with a colon stay.
 */
const char *creator_role(const char *title, char to[CREATOR_LABEL_BYTES]);

#endif
