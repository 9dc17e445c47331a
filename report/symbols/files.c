/* SPDX-License-Identifier: MIT */
#include "report/symbols/files.h"

#include <dwarf.h>
#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/symbols/cache.h"
#include "report/symbols/server.h"

struct files {
	struct file *table;
	char *debug_path;
	Dwfl_Callbacks callbacks;
	struct symbols_wish wish;
	struct server *server;
};

/* ---- debug files ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What several debug files share (dwz) is named, by its build id, in each of them. */
static int find_shared(struct file *file, const char *debug_file, char **found)
{
	int fd = debug_file ? open(debug_file, O_RDONLY | O_CLOEXEC) : -1, result = -1;
	Dwarf *dwarf = fd >= 0 ? dwarf_begin(fd, DWARF_C_READ) : NULL;
	const char *name;
	const void *id;
	ssize_t id_bytes = dwarf ? dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &id) : 0;

	if (id_bytes > 0)
		result = server_find(file->server, SERVER_DEBUGINFO, id, (size_t)id_bytes,
				     base_name(name), found);
	dwarf_end(dwarf);
	if (fd >= 0)
		close(fd);
	return result;
}

/* As libdw would find it, and then by asking. */
static int find_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
			  const char *file_name, const char *link, GElf_Word crc, char **found)
{
	struct file *file = *user;
	int fd = dwfl_standard_find_debuginfo(module, user, name, base, file_name, link, crc,
					      found);

	if (fd < 0 && !*found && file->server) {
		if (file->has_debug)
			fd = find_shared(file, file_name, found);
		else
			fd = server_find(file->server, SERVER_DEBUGINFO, file->facts->build_id,
					 file->facts->build_id_bytes, base_name(file->facts->path),
					 found);
	}
	file->has_debug |= fd >= 0;
	return fd;
}

/* ---- the file itself ---- */

static uint64_t nanoseconds(struct timespec ts)
{
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static bool is_same_file(const struct files *files, const struct file *file,
			 const struct module_facts *facts, const char *path)
{
	const unsigned char *bits;
	GElf_Addr address;
	int length = dwfl_module_build_id(file->module, &bits, &address);
	struct stat st;

	if (facts->build_id_bytes)
		return length == (int)facts->build_id_bytes &&
		       memcmp(bits, facts->build_id, facts->build_id_bytes) == 0;
	if (length > 0 || stat(path, &st) != 0)
		return false;
	/* Below another root it was copied: there only its own date is the old one. */
	return nanoseconds(st.st_mtim) < files->wish.realtime_ns &&
	       (files->wish.sysroot || nanoseconds(st.st_ctim) < files->wish.realtime_ns);
}

/* Whether it has more than the names that it offers to others. */
static bool has_own_symbols(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section)) != NULL)
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB)
			return true;
	return false;
}

static enum module_names judge(struct file *file)
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

static enum module_names open_path(const struct files *files, struct file *file, const char *path)
{
	GElf_Addr bias;
	struct stat st;
	void **user;

	/* Only what may be read without waiting: a path from a recording may name anything. */
	if (file->facts->path[0] != '/' || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return NAMES_MISSING;
	file->dwfl = dwfl_begin(&files->callbacks);
	if (!file->dwfl)
		return NAMES_MISSING;
	dwfl_report_begin(file->dwfl);
	file->module = dwfl_report_elf(file->dwfl, file->facts->path, path, -1, 0, true);
	dwfl_report_end(file->dwfl, NULL, NULL);
	if (!file->module ||
	    !dwfl_module_info(file->module, &user, NULL, NULL, NULL, NULL, NULL, NULL))
		return NAMES_MISSING;
	*user = file;
	if (!dwfl_module_getelf(file->module, &bias))
		return NAMES_MISSING;
	return is_same_file(files, file, file->facts, path) ? judge(file) : NAMES_CHANGED;
}

/* The file itself from a server, when it is not here, or not that one. */
static enum module_names fetch(const struct files *files, struct file *file)
{
	enum module_names names;
	char *path;
	int fd = server_find(file->server, SERVER_EXECUTABLE, file->facts->build_id,
			     file->facts->build_id_bytes, base_name(file->facts->path), &path);

	if (fd < 0)
		return NAMES_MISSING;
	close(fd);
	dwfl_end(file->dwfl);
	file->dwfl = NULL;
	names = open_path(files, file, path);
	free(path);
	return names;
}

/* Of what debug information tells: that takes time. */
static void open_cache(struct file *file)
{
	const char *main_file, *debug_file;

	if (dwfl_module_info(file->module, NULL, NULL, NULL, NULL, NULL, &main_file, &debug_file))
		file->cache = cache_open(file->facts, debug_file ? debug_file : main_file);
}

static enum module_names open_file(const struct files *files, struct file *file)
{
	char path[PATH_MAX];
	enum module_names names, fetched;

	snprintf(path, sizeof path, "%s%s", files->wish.sysroot ? files->wish.sysroot : "",
		 file->facts->path);
	if (file->facts->build_id_bytes)
		file->server = files->server;
	names = open_path(files, file, path);
	if (!file->server || (names != NAMES_MISSING && names != NAMES_CHANGED))
		return names;
	fetched = fetch(files, file);
	return fetched == NAMES_MISSING ? names : fetched;
}

/* ---- all of them ---- */

struct files *files_open(const struct symbols_wish *wish)
{
	struct files *files = calloc(1, sizeof *files);

	if (!files)
		return NULL;
	files->wish = *wish;
	if (asprintf(&files->debug_path, ":.debug:%s/usr/lib/debug",
		     wish->sysroot ? wish->sysroot : "") < 0) {
		free(files);
		return NULL;
	}
	if (wish->debuginfod)
		files->server = server_open();
	else /* libdw asks by itself whenever it is set; here the user decides each time */
		unsetenv("DEBUGINFOD_URLS");
	files->callbacks = (Dwfl_Callbacks){
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo = find_debuginfo,
		.debuginfo_path = &files->debug_path,
	};
	return files;
}

void files_close(struct files *files)
{
	struct file *file, *next;

	if (!files)
		return;
	HASH_ITER (hh, files->table, file, next) {
		HASH_DEL(files->table, file);
		cache_close(file->cache);
		dwfl_end(file->dwfl);
		free(file);
	}
	server_close(files->server);
	free(files->debug_path);
	free(files);
}

const struct file *files_find(struct files *files, const struct module_facts *facts)
{
	struct file *file;

	HASH_FIND(hh, files->table, &facts->number, sizeof facts->number, file);
	if (file)
		return file;
	file = calloc(1, sizeof *file);
	if (!file)
		return NULL;
	file->number = facts->number;
	file->facts = facts;
	HASH_ADD(hh, files->table, number, sizeof file->number, file);
	if (!file->hh.tbl) {
		free(file);
		return NULL;
	}
	file->names = open_file(files, file);
	if (file->names == NAMES_LINES)
		open_cache(file);
	return file;
}
