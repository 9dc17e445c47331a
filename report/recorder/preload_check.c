/* SPDX-License-Identifier: MIT */
#include "report/recorder/preload_check.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/procfs/proc.h"

#define RUNTIME "libasan.so"
#define OPTIONS "__asan_default_options"
#define CONSENT "verify_asan_link_order=0"
#define SECTIONS_MAX 4096u
#define TABLE_BYTES_MAX (16u << 20)

/* ---- a process ---- */

/* In the middle of execve(2) there are neither arguments nor an environment yet. */
static bool is_executing(pid_t pid)
{
	char first[2];

	return proc_read(pid, "cmdline", first, sizeof first) <= 0;
}

/* Whether the library in LIST, an LD_PRELOAD, exists under the root of the process. */
static bool is_in_root(pid_t pid, const char *list)
{
	char path[4096];

	for (size_t length; *list; list += length + (list[length] != '\0')) {
		length = strcspn(list, " :");
		snprintf(path, sizeof path, "/proc/%ld/root%.*s", (long)pid, (int)length, list);
		if (strstr(path, PRELOAD_LIBRARY))
			return access(path, F_OK) == 0 || errno != ENOENT;
	}
	return true;
}

enum preload preload_find(pid_t pid)
{
	static char text[1 << 18];
	static const char name[] = "LD_PRELOAD=";
	ssize_t used = proc_read(pid, "environ", text, sizeof text);

	if (used <= 0 && is_executing(pid))
		return PRELOAD_HAS;
	for (ssize_t at = 0; at < used; at += (ssize_t)strlen(text + at) + 1)
		if (strncmp(text + at, name, sizeof name - 1) == 0 &&
		    strstr(text + at, PRELOAD_LIBRARY))
			return is_in_root(pid, text + at + sizeof name - 1) ? PRELOAD_HAS
									    : PRELOAD_ELSEWHERE;
	/* The text is cut: LD_PRELOAD may come later. */
	return used == (ssize_t)sizeof text - 1 ? PRELOAD_HAS : PRELOAD_HAS_NOT;
}

/*
 * ---- a program ----
 * The file may be hostile, and COMMAND waits for the answer: each table is read at most once, up to
 * a fixed size, and names are compared inside it.
 */

/* A program's section headers. */
struct asan_check {
	int fd;
	uint32_t section_count;
	Elf64_Shdr *sections;
};

/* The bytes of the file, with a NUL behind them; the caller frees. Null if the file is shorter. */
static void *read_bytes(int fd, uint64_t offset, uint64_t bytes)
{
	char *data = bytes <= TABLE_BYTES_MAX && offset <= INT64_MAX ? malloc(bytes + 1) : NULL;
	uint64_t got = 0;

	while (data && got < bytes) {
		ssize_t part = pread(fd, data + got, bytes - got, (off_t)(offset + got));

		if (part <= 0) {
			free(data);
			return NULL;
		}
		got += (uint64_t)part;
	}
	if (data)
		data[bytes] = '\0';
	return data;
}

static bool read_sections(struct asan_check *check)
{
	Elf64_Ehdr head;

	if (pread(check->fd, &head, sizeof head, 0) != sizeof head ||
	    head.e_shentsize != sizeof *check->sections || head.e_shnum == 0 ||
	    head.e_shnum > SECTIONS_MAX)
		return false;
	check->section_count = head.e_shnum;
	check->sections = read_bytes(check->fd, head.e_shoff,
				     (uint64_t)head.e_shnum * sizeof *check->sections);
	return check->sections != NULL;
}

static const Elf64_Shdr *find_section(const struct asan_check *check, uint32_t type)
{
	for (uint32_t i = 0; i < check->section_count; i++)
		if (check->sections[i].sh_type == type)
			return &check->sections[i];
	return NULL;
}

/* The names that a section's rows refer to. */
static char *read_names(const struct asan_check *check, const Elf64_Shdr *section, uint64_t *bytes)
{
	const Elf64_Shdr *names;

	if (section->sh_link >= check->section_count)
		return NULL;
	names = &check->sections[section->sh_link];
	*bytes = names->sh_size;
	return read_bytes(check->fd, names->sh_offset, names->sh_size);
}

static bool is_needed(const Elf64_Dyn *row, const char *names, uint64_t name_bytes)
{
	return row->d_tag == DT_NEEDED && row->d_un.d_val < name_bytes &&
	       strncmp(names + row->d_un.d_val, RUNTIME, sizeof RUNTIME - 1) == 0;
}

static bool is_options(const Elf64_Sym *symbol, const char *names, uint64_t name_bytes)
{
	return symbol->st_shndx != SHN_UNDEF && symbol->st_name < name_bytes &&
	       strcmp(names + symbol->st_name, OPTIONS) == 0;
}

/* Whether the dynamic table needs the runtime, or the symbol table defines the options. */
static bool has_row(const struct asan_check *check, uint32_t type)
{
	const Elf64_Shdr *section = find_section(check, type);
	size_t row_bytes = type == SHT_DYNAMIC ? sizeof(Elf64_Dyn) : sizeof(Elf64_Sym);
	uint64_t name_bytes = 0;
	char *names = section ? read_names(check, section, &name_bytes) : NULL;
	void *rows = names ? read_bytes(check->fd, section->sh_offset, section->sh_size) : NULL;
	bool found = false;

	for (uint64_t i = 0; rows && !found && i < section->sh_size / row_bytes; i++)
		found = type == SHT_DYNAMIC
				? is_needed(&((Elf64_Dyn *)rows)[i], names, name_bytes)
				: is_options(&((Elf64_Sym *)rows)[i], names, name_bytes);
	free(rows);
	free(names);
	return found;
}

bool asan_check_refuses_preload(int fd)
{
	const char *options = getenv("ASAN_OPTIONS");
	struct asan_check check = {.fd = fd};
	bool answer;

	if (options && strstr(options, CONSENT))
		return false;
	answer = read_sections(&check) && has_row(&check, SHT_DYNAMIC) &&
		 has_row(&check, SHT_DYNSYM);
	free(check.sections);
	return answer;
}
