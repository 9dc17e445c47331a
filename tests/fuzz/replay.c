/* SPDX-License-Identifier: MIT */
/*
 * replay [-h | -t] FILE...: reads each file as the fuzzer would. -h: also with each byte of the
 * header changed in turn. -t: also truncated at every 512 bytes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "preload/segment/layout.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define BYTES_MOST (64u << 20)
#define CUT_BYTES 512u

/*
 * Changes numbers to: the lowest and the highest bit flipped, 0, all ones. Changes text, which
 * follows them, once.
 */
static void replay_byte(unsigned char *data, size_t size, size_t i)
{
	unsigned char right = data[i];
	const unsigned char wrong[] = {(unsigned char)~right, right ^ 1, right ^ 0x80, 0, 0xff};
	size_t count = i < offsetof(struct segment_header, boot_id) ? sizeof wrong : 1;

	for (size_t how = 0; how < count; how++) {
		data[i] = wrong[how];
		if (data[i] != right)
			LLVMFuzzerTestOneInput(data, size);
	}
	data[i] = right;
}

static void replay_header(unsigned char *data, size_t size)
{
	for (size_t i = 0; i < offsetof(struct segment_header, reserved) && i < size; i++)
		replay_byte(data, size, i);
}

static void replay_cut(const unsigned char *data, size_t size)
{
	for (size_t cut = 0; cut < size; cut += CUT_BYTES)
		LLVMFuzzerTestOneInput(data, cut);
}

int main(int argc, char **argv)
{
	unsigned char *data = malloc(BYTES_MOST);
	char how = argc > 1 && argv[1][0] == '-' ? argv[1][1] : '\0';

	for (int i = how ? 2 : 1; data && i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		size_t size = file ? fread(data, 1, BYTES_MOST, file) : 0;

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		fclose(file);
		if (how == 'h')
			replay_header(data, size);
		else if (how == 't')
			replay_cut(data, size);
		else
			LLVMFuzzerTestOneInput(data, size);
	}
	free(data);
	return data ? 0 : 1;
}
