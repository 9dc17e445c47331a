/* SPDX-License-Identifier: MIT */
/* The table of keys, and what a key does to the live screen. */
#ifndef MEMSHIM_TOP_KEY_ACTIONS_H
#define MEMSHIM_TOP_KEY_ACTIONS_H

#include "report/top/screen.h"

struct top;

enum action {
	ACTION_NONE,
#define KEY(id, first, second, third, written, meaning) ACTION_##id,
#include "report/top/keys.def"
#undef KEY
	ACTION_COUNT
};

struct key_row {
	int codes[3];
	const char *written, *meaning;
};

/* Indexed by action; the row of ACTION_NONE is empty. */
extern const struct key_row keys_table[ACTION_COUNT];

enum action keys_action(int code);

/* Does what the key says. */
void key_action_run(struct top *top, int code);

#endif
