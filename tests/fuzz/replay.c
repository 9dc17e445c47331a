/* SPDX-License-Identifier: MIT */
/* Reads each file it is given as the fuzzer would: replay FILE... */
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define BYTES_MOST (64u << 20)

int main(int argc, char **argv)
{
	unsigned char *data = malloc(BYTES_MOST);

	for (int i = 1; data && i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		size_t size = file ? fread(data, 1, BYTES_MOST, file) : 0;

		if (!file) {
			perror(argv[i]);
			return 1;
		}
		fclose(file);
		LLVMFuzzerTestOneInput(data, size);
	}
	free(data);
	return data ? 0 : 1;
}
