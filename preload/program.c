/* SPDX-License-Identifier: MIT */
/*
 * The kernel names a program after the executed file. When the loader is executed and given a
 * program (`ld-linux-x86-64.so.2 ./program`), that is the loader's name. Then the auxiliary vector
 * has no AT_BASE, because no loader was loaded beside a program. AT_PHDR, which the loader updates,
 * is the address of the program's headers: the file that is mapped there is the program.
 */
#include "program.h"

#include <string.h>
#include <sys/prctl.h>

#include "common/files.h"

#define CHUNK_BYTES 192 /* small, because any stack may be in use */

/* A line of /proc/self/maps: "begin-end rwxp offset dev inode   /path". */
enum maps_field { MAPS_BEGIN, MAPS_END, MAPS_OTHER, MAPS_PATH };

/* The search for the file that is mapped at `wanted`. */
struct maps_search {
	uint64_t wanted, begin, end;
	enum maps_field field;
	uint64_t used; /* bytes of the path in shim.exe */
	bool found;
};

static uint64_t maps_append_digit(uint64_t number, char digit)
{
	return number << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
}

static void maps_search_append(struct maps_search *search, char c)
{
	if (search->used + 1 < sizeof shim.exe)
		shim.exe[search->used++] = c;
	else
		shim.identity_flags |= PROCESS_EXE_CUT;
	shim.exe[search->used] = '\0';
}

static bool maps_search_is_wanted(const struct maps_search *search)
{
	return search->wanted >= search->begin && search->wanted < search->end;
}

static void maps_search_visit(struct maps_search *search, char c)
{
	if (c == '\n') {
		search->found = search->field == MAPS_PATH && maps_search_is_wanted(search);
		search->field = MAPS_BEGIN;
		search->begin = search->end = 0;
	} else if (search->field == MAPS_BEGIN && c == '-') {
		search->field = MAPS_END;
	} else if (search->field == MAPS_BEGIN) {
		search->begin = maps_append_digit(search->begin, c);
	} else if (search->field == MAPS_END && c == ' ') {
		search->field = MAPS_OTHER;
	} else if (search->field == MAPS_END) {
		search->end = maps_append_digit(search->end, c);
	} else if (search->field == MAPS_PATH || c == '/') {
		search->field = MAPS_PATH;
		if (maps_search_is_wanted(search))
			maps_search_append(search, c);
	}
}

/* Copies the path of the file that is mapped at `address` to shim.exe; false when there is none. */
static bool program_find_mapped_file(const void *address)
{
	struct maps_search search = {.wanted = (uint64_t)address};
	int fd = sys_above_standard(sys_open("/proc/self/maps", O_RDONLY, 0));
	char chunk[CHUNK_BYTES];
	long got;

	if (fd < 0)
		return false;
	while (!search.found && (got = raw_call3(SYS_read, fd, (long)chunk, sizeof chunk)) > 0)
		for (long i = 0; i < got && !search.found; i++)
			maps_search_visit(&search, chunk[i]);
	sys_close(fd);
	return search.found;
}

static void program_find_executed_file(void)
{
	long used = raw_call6(SYS_readlinkat, AT_FDCWD, (long)"/proc/self/exe", (long)shim.exe,
			      sizeof shim.exe - 1, 0, 0);

	shim.exe[raw_failed(used) ? 0 : used] = '\0';
	if (used == (long)sizeof shim.exe - 1)
		shim.identity_flags |= PROCESS_EXE_CUT;
}

static void program_join_words(char *to, uint64_t size, int argc, char **argv)
{
	uint64_t used = 0;

	for (int i = 0; i < argc; i++) {
		for (const char *at = argv[i]; at && *at && used + 1 < size; at++)
			to[used++] = *at;
		if (i + 1 < argc && used + 1 < size)
			to[used++] = ' ';
	}
	to[used] = '\0';
	if (used + 1 >= size)
		shim.identity_flags |= PROCESS_CMDLINE_CUT;
}

void program_learn(int argc, char **argv)
{
	bool found = shim.run_by_loader && program_find_mapped_file(shim.program_headers);

	if (found) {
		raw_call3(SYS_prctl, PR_GET_NAME, (long)shim.loader_comm, 0);
	} else {
		shim.identity_flags &= ~(uint32_t)PROCESS_EXE_CUT;
		program_find_executed_file();
	}
	program_join_words(shim.cmdline, sizeof shim.cmdline, argc, argv);
}

/* The name that the kernel gives a program: the file's name without its folder, cut. */
static void program_name_by_file(char comm[PROGRAM_COMM_BYTES])
{
	const char *name = shim.exe;

	for (const char *at = shim.exe; *at; at++)
		if (*at == '/')
			name = at + 1;
	for (int i = 0; i < PROGRAM_COMM_BYTES; i++)
		comm[i] = '\0';
	for (int i = 0; i + 1 < PROGRAM_COMM_BYTES && name[i]; i++)
		comm[i] = name[i];
}

/* A name that the program has set itself is kept. */
void program_name(char comm[PROGRAM_COMM_BYTES])
{
	raw_call3(SYS_prctl, PR_GET_NAME, (long)comm, 0);
	if (shim.loader_comm[0] && memcmp(comm, shim.loader_comm, PROGRAM_COMM_BYTES) == 0)
		program_name_by_file(comm);
}

/* ---- /proc/self/stat ---- */

enum { FIELD_STATE = 3, FIELD_START_TIME = 22, FIELD_START_BREAK = 47 };

static uint64_t stat_number(const char *text)
{
	uint64_t value = 0;

	while (*text >= '0' && *text <= '9')
		value = value * 10 + (uint64_t)(*text++ - '0');
	return value;
}

/*
 * The program's name may contain spaces and parentheses: the fields begin after the last
 * parenthesis.
 */
static const char *stat_after_name(const char *text)
{
	const char *after = NULL;

	for (; *text; text++)
		if (*text == ')')
			after = text + 1;
	return after;
}

/*
 * Not on the stack, which may be a signal handler's. On a page that the loader has already touched.
 */
static char stat_text[1024] __attribute__((section(".data")));

/* One read(2) returns the whole line: the file has no second part. */
static bool stat_read_text(void)
{
	int fd = sys_above_standard(sys_open("/proc/self/stat", O_RDONLY, 0));
	long got;

	if (fd < 0)
		return false;
	got = raw_call3(SYS_read, fd, (long)stat_text, sizeof stat_text - 1);
	sys_close(fd);
	stat_text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

bool stat_read(struct stat_facts *facts)
{
	const char *at;

	facts->start_time = facts->start_break = 0;
	if (!stat_read_text())
		return false;
	at = stat_after_name(stat_text);
	for (int field = FIELD_STATE; at && *at == ' ' && field <= FIELD_START_BREAK; field++) {
		at++;
		if (field == FIELD_START_TIME)
			facts->start_time = stat_number(at);
		if (field == FIELD_START_BREAK)
			facts->start_break = stat_number(at);
		while (*at && *at != ' ')
			at++;
	}
	return true;
}
