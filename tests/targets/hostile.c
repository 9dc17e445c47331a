/* SPDX-License-Identifier: MIT */
/*
 * hostile WHERE HOW COMMAND...: overwrites the session's segment again and again until COMMAND has
 * ended, and ends with its status. WHERE is `all`, or `body`: all but the header. HOW is random,
 * zeros, ones, or words: numbers that are likely to be valid values.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct range {
	uint64_t *at;
	size_t words;
};

/* The segment is the only shared writable file that this process has mapped. */
static struct range find_segment(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end;
	struct range range = {NULL, 0};
	char line[512], mode[8];

	while (maps && fgets(line, sizeof line, maps))
		if (strstr(line, ".seg") && sscanf(line, "%lx-%lx %7s", &start, &end, mode) == 3 &&
		    strcmp(mode, "rw-s") == 0)
			range = (struct range){(uint64_t *)start, (end - start) / 8};
	if (maps)
		fclose(maps);
	return range;
}

static uint64_t next_random(void)
{
	static uint64_t state = 20261124;

	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static uint64_t next_likely(void)
{
	static const uint64_t likely[] = {0,
					  1,
					  2,
					  3,
					  63,
					  64,
					  4095,
					  4096,
					  65535,
					  1ull << 32,
					  1ull << 63,
					  UINT64_MAX,
					  UINT64_MAX - 64,
					  0x314d4948534d454dull};

	return likely[next_random() % (sizeof likely / sizeof *likely)];
}

static uint64_t word(char how)
{
	switch (how) {
	case 'z':
		return 0;
	case 'o':
		return UINT64_MAX;
	case 'w':
		return next_likely();
	default:
		return next_random();
	}
}

/*
 * Writes through all of it. Each word is written with a certain probability, so that some values
 * stay for a while.
 */
static void write_over(struct range range, size_t from, char how)
{
	for (size_t i = from + next_random() % 7; i < range.words; i += 1 + next_random() % 7)
		((volatile uint64_t *)range.at)[i] = word(how);
}

int main(int argc, char **argv)
{
	struct range range = find_segment();
	int status = 0;
	pid_t child;

	if (argc < 4)
		return 2;
	child = fork();
	if (child == 0) {
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	do
		if (range.at)
			write_over(range, argv[1][0] == 'b' ? 4096 / 8 : 0, argv[2][0]);
	while (waitpid(child, &status, WNOHANG) == 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
