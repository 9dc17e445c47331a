/* SPDX-License-Identifier: MIT */
#include "report/cli/command.h"

#include <string.h>

#include "report/util/error.h"

#define NAME_MAX_LENGTH 15u

const struct command_row command_rows[COMMAND_COUNT] = {
#define COMMAND(id, name, arguments, summary) \
	[COMMAND_##id] = {#name, arguments, summary, command_##name},
#include "report/cli/commands.def"
#undef COMMAND
};

int command_find(const char *name)
{
	for (int i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(command_rows[i].name, name) == 0)
			return i;
	return -1;
}

static unsigned command_least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/*
 * How many letters must be put in, taken out, replaced, or exchanged with their neighbour to make
 * one word of the other: the "optimal string alignment" distance. cost[i][j] is that number for the
 * first i letters of a and the first j letters of b.
 */
static unsigned command_distance(const char *a, const char *b)
{
	unsigned cost[NAME_MAX_LENGTH + 1][NAME_MAX_LENGTH + 1];
	size_t a_length = strlen(a), b_length = strlen(b);

	if (a_length > NAME_MAX_LENGTH || b_length > NAME_MAX_LENGTH)
		return NAME_MAX_LENGTH;
	for (unsigned i = 0; i <= a_length; i++) {
		for (unsigned j = 0; j <= b_length; j++) {
			unsigned *here = &cost[i][j];

			if (i == 0 || j == 0) {
				*here = i + j;
				continue;
			}
			*here = command_least(cost[i - 1][j], cost[i][j - 1]) + 1;
			*here = command_least(*here, cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				*here = command_least(*here, cost[i - 2][j - 2] + 1);
		}
	}
	return cost[a_length][b_length];
}

/* The command that a mistyped word is nearest to, or null when none is near. */
static const char *command_guess(const char *word)
{
	size_t length = strlen(word);
	unsigned nearest = length > 3 ? 3 : 2; /* one more than the distance that is near */
	const char *guess = NULL;

	for (int i = 0; i < COMMAND_COUNT; i++) {
		const char *name = command_rows[i].name;
		unsigned distance = command_distance(word, name);

		if (length > 2 && strncmp(name, word, length) == 0)
			return name;
		if (distance < nearest) {
			nearest = distance;
			guess = name;
		}
	}
	return guess;
}

int command_refuse(const char *word)
{
	const char *guess = command_guess(word);

	if (word[0] == '-')
		error_line(word, "no such option; see 'memshim help'");
	else if (guess)
		error_format(word, "no such command; did you mean %s?", guess);
	else
		error_line(word, "no such command; 'memshim help' lists them");
	return EXIT_USAGE;
}
