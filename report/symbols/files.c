/* SPDX-License-Identifier: MIT */
#include "report/symbols/files.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/symbols/broker.h"
#include "report/util/path.h"

struct files {
	struct file *table;
	char *debug_path;
	Dwfl_Callbacks callbacks;
	struct symbols_options options;
};

/* ---- debug files ---- */

/* Each debug file names the file that it shares with others (dwz), with its build id. */
static int file_find_shared(const char *debug_file, char **found)
{
	int fd = debug_file ? broker_open(debug_file) : -1, result = -1;
	Dwarf *dwarf = fd >= 0 ? dwarf_begin(fd, DWARF_C_READ) : NULL;
	const char *name;
	const void *id;
	ssize_t id_bytes = dwarf ? dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &id) : 0;

	if (id_bytes > 0)
		result = broker_fetch(SERVER_DEBUGINFO, id, (size_t)id_bytes, path_base_name(name),
				      found);
	dwarf_end(dwarf);
	if (fd >= 0)
		close(fd);
	return result;
}

/* Searches where libdw searches, then asks the servers. */
static int find_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
			  const char *file_name, const char *link, GElf_Word crc, char **found)
{
	struct file *file = *user;
	int fd = dwfl_standard_find_debuginfo(module, user, name, base, file_name, link, crc,
					      found);

	if (fd < 0 && !*found && file->fetches) {
		if (file->has_debug)
			fd = file_find_shared(file_name, found);
		else
			fd = broker_fetch(SERVER_DEBUGINFO, file->facts.build_id,
					  file->facts.build_id_bytes,
					  path_base_name(file->facts.path), found);
	}
	file->has_debug |= fd >= 0;
	return fd < 0 ? -1 : fd;
}

/* ---- the file itself ---- */

static uint64_t file_nanoseconds(struct timespec ts)
{
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool is_same_file(const struct files *files, const struct file *file, const struct stat *st)
{
	const struct module_facts *facts = &file->facts;
	const unsigned char *bits;
	GElf_Addr address;
	int length = dwfl_module_build_id(file->module, &bits, &address);

	if (facts->build_id_bytes)
		return length == (int)facts->build_id_bytes &&
		       memcmp(bits, facts->build_id, facts->build_id_bytes) == 0;
	if (length > 0)
		return false;
	/* A file below --sysroot is a copy: its ctime is the time of copying. */
	return file_nanoseconds(st->st_mtim) < files->options.realtime_ns &&
	       (files->options.sysroot ||
		file_nanoseconds(st->st_ctim) < files->options.realtime_ns);
}

/* Whether there are symbols beside the dynamic ones. */
static bool has_own_symbols(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section)) != NULL)
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB)
			return true;
	return false;
}

static enum module_names file_judge(struct file *file)
{
	GElf_Addr bias;
	Dwarf_Addr dwarf_bias;
	Elf *elf = dwfl_module_getelf(file->module, &bias);

	if (!elf)
		return NAMES_MISSING;
	if (dwfl_module_getdwarf(file->module, &dwarf_bias))
		return NAMES_LINES;
	return has_own_symbols(elf) ? NAMES_FUNCTIONS : NAMES_EXPORTED;
}

/* Owns `fd` from here on. */
static enum module_names open_descriptor(const struct files *files, struct file *file,
					 const char *path, int fd)
{
	GElf_Addr bias;
	struct stat st;
	void **user;

	file->dwfl = fstat(fd, &st) == 0 ? dwfl_begin(&files->callbacks) : NULL;
	if (!file->dwfl) {
		close(fd);
		return NAMES_MISSING;
	}
	dwfl_report_begin(file->dwfl);
	file->module = dwfl_report_elf(file->dwfl, file->facts.path, path, fd, 0, true);
	dwfl_report_end(file->dwfl, NULL, NULL);
	if (!file->module) {
		close(fd);
		return NAMES_MISSING;
	}
	if (!dwfl_module_info(file->module, &user, NULL, NULL, NULL, NULL, NULL, NULL))
		return NAMES_MISSING;
	*user = file;
	if (!dwfl_module_getelf(file->module, &bias))
		return NAMES_MISSING;
	return is_same_file(files, file, &st) ? file_judge(file) : NAMES_CHANGED;
}

static enum module_names open_path(const struct files *files, struct file *file)
{
	char path[PATH_MAX];
	int fd;

	if (file->facts.path[0] != '/')
		return NAMES_MISSING;
	snprintf(path, sizeof path, "%s%s", files->options.sysroot ? files->options.sysroot : "",
		 file->facts.path);
	fd = broker_open(path);
	return fd < 0 ? NAMES_MISSING : open_descriptor(files, file, path, fd);
}

/* Gets the file from a server when the local one is missing or has another build id. */
static enum module_names file_fetch(const struct files *files, struct file *file)
{
	enum module_names names;
	char *path;
	int fd = broker_fetch(SERVER_EXECUTABLE, file->facts.build_id, file->facts.build_id_bytes,
			      path_base_name(file->facts.path), &path);

	if (fd < 0)
		return NAMES_MISSING;
	dwfl_end(file->dwfl);
	file->dwfl = NULL;
	names = open_descriptor(files, file, path, fd);
	free(path);
	return names;
}

static enum module_names open_file(const struct files *files, struct file *file)
{
	enum module_names names, fetched;

	file->fetches = files->options.debuginfod && file->facts.build_id_bytes;
	names = open_path(files, file);
	if (!file->fetches || (names != NAMES_MISSING && names != NAMES_CHANGED))
		return names;
	fetched = file_fetch(files, file);
	return fetched == NAMES_MISSING ? names : fetched;
}

/* ---- the table of files ---- */

struct files *files_open(const struct symbols_options *options)
{
	struct files *files = calloc(1, sizeof *files);

	if (!files)
		return NULL;
	files->options = *options;
	if (asprintf(&files->debug_path, ":.debug:%s/usr/lib/debug",
		     options->sysroot ? options->sysroot : "") < 0) {
		free(files);
		return NULL;
	}
	files->callbacks = (Dwfl_Callbacks){
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = find_debuginfo,
		.debuginfo_path = &files->debug_path,
	};
	return files;
}

const char *file_source(const struct file *file)
{
	const char *main_file, *debug_file;

	if (file->names != NAMES_LINES ||
	    !dwfl_module_info(file->module, NULL, NULL, NULL, NULL, NULL, &main_file, &debug_file))
		return NULL;
	return debug_file ? debug_file : main_file;
}

struct file *files_find(struct files *files, uint32_t number)
{
	struct file *file;

	HASH_FIND(hh, files->table, &number, sizeof number, file);
	return file;
}

struct file *files_add(struct files *files, const struct module_facts *facts)
{
	struct file *file = files_find(files, facts->number);
	uint64_t before = broker_handed_bytes();

	if (file)
		return file;
	file = calloc(1, sizeof *file);
	if (!file)
		return NULL;
	file->facts = *facts;
	file->facts.path[sizeof file->facts.path - 1] = '\0';
	HASH_ADD(hh, files->table, facts.number, sizeof file->facts.number, file);
	if (!file->hh.tbl) {
		free(file);
		return NULL;
	}
	file->names = open_file(files, file);
	file->bytes = broker_handed_bytes() - before;
	return file;
}
