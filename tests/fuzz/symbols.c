/* SPDX-License-Identifier: MIT */
/*
 * Lets the symbol child read any bytes as the file of a module. Also takes any bytes as the answer
 * of a child that a hostile file has taken over: "ANSWERS1", then messages, each a u16 length and
 * its bytes. `make fuzz-symbols` builds it as a libFuzzer target; with tests/fuzz/replay.c it is a
 * program that reads the files it is given.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "report/symbols/resolve.h"

/* In this program, the child is not always the real one. */
#define resolve_serve fuzz_serve
static _Noreturn void fuzz_serve(int socket, const struct symbols_options *options);
#include "report/symbols/child.c"
#undef resolve_serve

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define ANSWERS "ANSWERS1"
#define ADDRESSES 40u

static const unsigned char *answers;
static size_t answer_bytes;

/* Sends what it was given, whether it is asked or not. */
static _Noreturn void fuzz_answer(int socket)
{
	while (answer_bytes >= 2) {
		size_t length = (size_t)answers[0] | (size_t)answers[1] << 8;

		answers += 2;
		answer_bytes -= 2;
		length = length < answer_bytes ? length : answer_bytes;
		if (send(socket, answers, length, MSG_NOSIGNAL) < 0)
			break;
		answers += length;
		answer_bytes -= length;
	}
	_exit(0);
}

static _Noreturn void fuzz_serve(int socket, const struct symbols_options *options)
{
	if (answers)
		fuzz_answer(socket);
	resolve_serve(socket, options);
}

/* Uses every byte of the answer. */
static void fuzz_visit(void *context, uint32_t i, const struct frame_place *places, uint32_t count)
{
	unsigned *visits = context;

	if (i >= ADDRESSES || count > FRAME_PLACES_MAX)
		abort();
	for (uint32_t place = 0; place < count; place++)
		if ((places[place].function &&
		     strlen(places[place].function) > ANSWER_TEXT_BYTES) ||
		    (places[place].file && strlen(places[place].file) > ANSWER_TEXT_BYTES))
			abort();
	(*visits)++;
}

static void fuzz_ask(const char *path)
{
	struct symbols_options options = {.realtime_ns = UINT64_MAX, .live = true};
	struct symbols *symbols = symbols_open(&options);
	struct module_facts module = {.number = 1};
	struct symbol_address addresses[ADDRESSES];
	unsigned visits = 0;

	snprintf(module.path, sizeof module.path, "%s", path);
	for (uint32_t i = 0; i < ADDRESSES; i++)
		addresses[i] = (struct symbol_address){0x1000 + i * 0x31, i % 4 == 0};
	symbols_find(symbols, &module, addresses, ADDRESSES, fuzz_visit, &visits);
	if (visits != ADDRESSES)
		abort();
	symbols_close(symbols);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/dev/shm/memshim-fuzz-%ld", (long)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return 0;
	answers = NULL;
	if (size >= sizeof ANSWERS - 1 && memcmp(data, ANSWERS, sizeof ANSWERS - 1) == 0) {
		answers = data + sizeof ANSWERS - 1;
		answer_bytes = size - (sizeof ANSWERS - 1);
	} else if (write(fd, data, size) != (ssize_t)size) {
		size = 0;
	}
	close(fd);
	fuzz_ask(path);
	unlink(path);
	return 0;
}
