/* SPDX-License-Identifier: MIT */
#include "report/top/keys.h"

const struct key_row keys_table[ACTION_COUNT] = {
#define KEY(id, first, second, third, written, meaning) \
	[ACTION_##id] = {{first, second, third}, written, meaning},
#include "report/top/keys.def"
#undef KEY
};

enum action keys_action(int code)
{
	for (int action = 1; action < ACTION_COUNT; action++)
		for (int i = 0; i < 3; i++)
			if (code != SCREEN_NONE && keys_table[action].codes[i] == code)
				return (enum action)action;
	return ACTION_NONE;
}
