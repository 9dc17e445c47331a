/* SPDX-License-Identifier: MIT */
/*
 * Reads any bytes as the file of a module, with the code of the symbol child. That code runs in
 * this process, without the child's limits, so that a fault is seen and the fuzzer knows which code
 * was reached. "ANSWERS1" begins another kind of input: the answers of a child that a hostile file
 * has taken over, messages that are each a u16 length and its bytes. A child has to be started for
 * them, which is slow: FUZZ_FILES leaves them out. `make fuzz-symbols` and `make fuzz-answers`
 * build libFuzzer targets; with tests/fuzz/replay.c it is a program that reads the files it is
 * given.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The reporter's side of the child starts this file's child. */
#include "report/symbols/resolve.h"
#define resolve_serve fuzz_answer
static _Noreturn void fuzz_answer(int socket, const struct symbols_options *options);
/* The child's side opens nothing but the input. */
#define broker_open fuzz_open
#define broker_fetch fuzz_fetch
#define broker_handed_bytes fuzz_handed_bytes
#include "report/symbols/child.c"
#undef resolve_serve
#include "report/symbols/files.c"
#include "report/symbols/resolve.c"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define ANSWERS "ANSWERS1"
#define ADDRESSES 80u /* 7 bytes apart: in each function of a small program */

#ifdef FUZZ_FILES
static const bool with_answers = false;
#else
static const bool with_answers = true;
#endif

static char input[64]; /* the path of the file */
static const unsigned char *answers;
static size_t answer_bytes;

static uint64_t fuzz_address(uint32_t i)
{
	return 0x1000 + i * 7;
}

/* ---- hostile answers ---- */

/* Sends what it was given, whether it is asked or not. */
static _Noreturn void fuzz_answer(int socket, const struct symbols_options *options)
{
	(void)options;
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

static void fuzz_ask(void)
{
	struct symbols_options options = {.realtime_ns = UINT64_MAX, .live = true};
	struct symbols *symbols = symbols_open(&options);
	struct module_facts module = {.number = 1};
	struct symbol_address addresses[ADDRESSES];
	unsigned visits = 0;

	snprintf(module.path, sizeof module.path, "%s", input);
	for (uint32_t i = 0; i < ADDRESSES; i++)
		addresses[i] = (struct symbol_address){fuzz_address(i), i % 4 == 0};
	symbols_find(symbols, &module, addresses, ADDRESSES, fuzz_visit, &visits);
	if (visits != ADDRESSES)
		abort();
	symbols_close(symbols);
}

/* ---- hostile files ---- */

int fuzz_open(const char *path)
{
	return strcmp(path, input) == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -ENOENT;
}

int fuzz_fetch(enum server_file kind, const unsigned char *build_id, size_t build_id_bytes,
	       const char *name, char **path)
{
	(void)kind;
	(void)build_id;
	(void)build_id_bytes;
	(void)name;
	*path = NULL;
	return -ENOENT;
}

uint64_t fuzz_handed_bytes(void)
{
	return 0;
}

/* The child ends instead. */
static void fuzz_free(struct files *files, struct file *file)
{
	if (file) {
		HASH_DEL(files->table, file);
		dwfl_end(file->dwfl);
		free(file);
	}
	free(files->debug_path);
	free(files);
}

static void fuzz_read(void)
{
	struct symbols_options options = {.realtime_ns = UINT64_MAX};
	struct files *files = files_open(&options);
	struct module_facts facts = {.number = 1};
	struct frame_place places[FRAME_PLACES_MAX];
	struct file *file;

	snprintf(facts.path, sizeof facts.path, "%s", input);
	file = files_add(files, &facts);
	answer_begin(ANSWER_MODULE);
	if (file)
		answer_put_text(file_source(file), PATH_MAX);
	for (uint32_t i = 0; file && i < ADDRESSES; i++) {
		uint32_t count = resolve_find_places(file, fuzz_address(i), places);

		answer_begin(ANSWER_PLACES);
		answer_put_places(places, count);
		if (answer.count > FRAME_PLACES_MAX || answer.text_bytes > ANSWER_TEXT_BYTES)
			abort();
	}
	fuzz_free(files, file);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	bool whole;
	int fd;

	answers = NULL;
	if (with_answers && size >= sizeof ANSWERS - 1 &&
	    memcmp(data, ANSWERS, sizeof ANSWERS - 1) == 0) {
		answers = data + sizeof ANSWERS - 1;
		answer_bytes = size - (sizeof ANSWERS - 1);
		size = 0;
	}
	snprintf(input, sizeof input, "/dev/shm/memshim-fuzz-%ld", (long)getpid());
	fd = open(input, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return 0;
	whole = write(fd, data, size) == (ssize_t)size;
	close(fd);
	if (answers)
		fuzz_ask();
	else if (whole)
		fuzz_read();
	unlink(input);
	return 0;
}
