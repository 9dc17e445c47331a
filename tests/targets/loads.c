/* SPDX-License-Identifier: MIT */
/*
 * loads HOW LIBRARY [SHIM]: loads libcaller.so in the way HOW and lets it move the break by 64
 * bytes; or acts on the shim. An exit handler moves the break by 48 bytes.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void at_exit(void)
{
	if (sbrk(48) == (void *)-1) /* no tail call: libc would seem to make it */
		abort();
}

/* Unloads it as often as needed for it to be unloaded, unless it cannot be. */
static void close_all(const char *library)
{
	for (int i = 0; i < 10; i++) {
		void *handle = dlopen(library, RTLD_NOW | RTLD_NOLOAD);

		for (int k = 0; handle && k < 10; k++)
			dlclose(handle);
	}
}

static void *load(const char *how, const char *library)
{
	if (strcmp(how, "deepbind") == 0)
		return dlopen(library, RTLD_NOW | RTLD_DEEPBIND);
	if (strcmp(how, "dlmopen") == 0)
		return dlmopen(LM_ID_NEWLM, library, RTLD_NOW);
	return dlopen(library, RTLD_NOW);
}

int main(int argc, char **argv)
{
	void *(*move)(long);
	void *handle;

	if (argc < 3)
		return 2;
	atexit(at_exit);
	if (argc > 3 && strncmp(argv[1], "late", 4) == 0 && !dlopen(argv[3], RTLD_NOW))
		return 3;
	if (argc > 3 && strstr(argv[1], "close"))
		close_all(argv[3]);
	handle = load(argv[1], argv[2]);
	move = handle ? (void *(*)(long))dlsym(handle, "caller_move") : NULL;
	if (!move) {
		fprintf(stderr, "%s\n", dlerror());
		return 4;
	}
	puts(move(64) == (void *)-1 ? "wrong" : "right");
	if (strcmp(argv[1], "dlmopen") != 0)
		dlclose(handle);
	return 0;
}
