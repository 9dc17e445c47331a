/* SPDX-License-Identifier: MIT */
/* Labels of metrics: name="value",... */
#ifndef MEMSHIM_EXPORT_LABEL_H
#define MEMSHIM_EXPORT_LABEL_H

#define LABELS_BYTES 1024u

/* Appends a label, its value escaped, without controls, and cut where it is very long. */
void label_append(char labels[LABELS_BYTES], const char *name, const char *text);

#endif
