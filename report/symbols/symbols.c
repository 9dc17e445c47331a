/* SPDX-License-Identifier: MIT */
/* Names, lines and inlined functions by libdw, out of the files that files.c finds. */
#include "report/symbols/symbols.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>

#include "report/symbols/cache.h"
#include "report/symbols/demangle.h"
#include "report/symbols/files.h"

/* Texts that libdw does not own. */
struct symbols_text {
	UT_hash_handle hh;
	char *mangled, *text;
};

struct symbols {
	struct files *files;
	struct symbols_text *texts;
};

struct symbols *symbols_open(const struct symbols_wish *wish)
{
	struct symbols *symbols = calloc(1, sizeof *symbols);

	if (symbols)
		symbols->files = files_open(wish);
	if (!symbols || !symbols->files) {
		free(symbols);
		return NULL;
	}
	return symbols;
}

void symbols_close(struct symbols *symbols)
{
	struct symbols_text *text, *next;

	if (!symbols)
		return;
	files_close(symbols->files);
	HASH_ITER (hh, symbols->texts, text, next) {
		HASH_DEL(symbols->texts, text);
		free(text->mangled);
		free(text->text);
		free(text);
	}
	free(symbols);
}

enum module_names symbols_module(struct symbols *symbols, const struct module_facts *module)
{
	const struct file *file = files_find(symbols->files, module);

	return file ? file->names : NAMES_MISSING;
}

/* ---- names ---- */

static const char *readable(struct symbols *symbols, const char *name)
{
	struct symbols_text *text;
	char *plain;

	HASH_FIND_STR(symbols->texts, name, text);
	if (text)
		return text->text;
	plain = demangle(name);
	if (!plain)
		return name;
	text = calloc(1, sizeof *text);
	if (text)
		text->mangled = strdup(name);
	if (!text || !text->mangled) {
		free(text);
		free(plain);
		return name;
	}
	text->text = plain;
	HASH_ADD_KEYPTR(hh, symbols->texts, text->mangled, strlen(text->mangled), text);
	if (!text->hh.tbl) {
		free(text->mangled);
		free(text->text);
		free(text);
		return name;
	}
	return text->text;
}

/* A function's name by its debugging entry. */
static const char *entry_name(struct symbols *symbols, Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	if (name)
		return readable(symbols, name);
	return dwarf_attr_integrate(die, DW_AT_name, &attribute) ? dwarf_formstring(&attribute)
								 : NULL;
}

/* The symbol that the address lies in, by its size; null when none is sure to hold it. */
static const char *symbol_name(struct symbols *symbols, Dwfl_Module *module, GElf_Addr address)
{
	GElf_Off offset;
	GElf_Sym symbol;
	const char *name = dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL,
						NULL);

	if (!name || symbol.st_size == 0 || offset >= symbol.st_size)
		return NULL;
	return readable(symbols, name);
}

/* ---- places ---- */

static void put_line(Dwfl_Module *module, GElf_Addr address, struct frame_place *place)
{
	Dwfl_Line *line = dwfl_module_getsrc(module, address);
	int number = 0;

	if (!line)
		return;
	place->file = dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL);
	place->line = number > 0 ? (uint32_t)number : 0;
}

/* Where an inlined function was called: the place of the one around it. */
static void put_call_site(Dwarf_Die *unit, Dwarf_Die *inlined, struct frame_place *place)
{
	Dwarf_Attribute attribute;
	Dwarf_Files *files;
	Dwarf_Word number;

	if (dwarf_getsrcfiles(unit, &files, NULL) == 0 &&
	    dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &number) == 0)
		place->file = dwarf_filesrc(files, number, NULL, NULL);
	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &number) == 0)
		place->line = (uint32_t)number;
}

/* The scopes around an address as they lie in the code, innermost function first. */
static int find_scopes(Dwarf_Die *unit, Dwarf_Addr address, Dwarf_Die **scopes)
{
	Dwarf_Die *found, innermost;
	int count = dwarf_getscopes(unit, address, &found), i;

	for (i = 0; i < count; i++)
		if (dwarf_tag(&found[i]) == DW_TAG_inlined_subroutine ||
		    dwarf_tag(&found[i]) == DW_TAG_subprogram)
			break;
	if (count <= 0 || i == count) {
		if (count > 0)
			free(found);
		return 0;
	}
	innermost = found[i];
	free(found);
	return dwarf_getscopes_die(&innermost, scopes);
}

/* By debugging information; 0 when it has none for this address. */
static uint32_t find_by_entries(struct symbols *symbols, Dwfl_Module *module, GElf_Addr address,
				struct frame_place *places)
{
	Dwarf_Addr bias = 0;
	Dwarf_Die *unit = dwfl_module_addrdie(module, address, &bias), *scopes = NULL;
	int count = unit ? find_scopes(unit, address - bias, &scopes) : 0;
	uint32_t used = 0;

	for (int i = 0; i < count && used < FRAME_PLACES_MAX; i++) {
		int tag = dwarf_tag(&scopes[i]);
		struct frame_place *place = &places[used];

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		if (used == 0) {
			*place = (struct frame_place){0};
			put_line(module, address, place);
		}
		place->function = entry_name(symbols, &scopes[i]);
		place->inlined = tag == DW_TAG_inlined_subroutine;
		used++;
		if (!place->inlined)
			break;
		if (used < FRAME_PLACES_MAX) {
			places[used] = (struct frame_place){0};
			put_call_site(unit, &scopes[i], &places[used]);
		}
	}
	free(scopes);
	return used;
}

/* A call that never returns may be the last thing in its function: the call is what is meant. */
static uint32_t find_places(struct symbols *symbols, const struct file *file, GElf_Addr address,
			    struct frame_place places[FRAME_PLACES_MAX])
{
	uint32_t count = find_by_entries(symbols, file->module, address, places);
	const char *name;

	if (count > 0 && places[count - 1].function)
		return count;
	name = symbol_name(symbols, file->module, address);
	if (count == 0) {
		if (!name)
			return 0;
		places[0] = (struct frame_place){0};
		put_line(file->module, address, &places[0]);
		count = 1;
	}
	places[count - 1].function = name;
	return count;
}

uint32_t symbols_find(struct symbols *symbols, const struct module_facts *module, uint64_t offset,
		      bool exact, struct frame_place places[FRAME_PLACES_MAX])
{
	const struct file *file = files_find(symbols->files, module);
	uint32_t count;
	int known;

	if (!file || file->names == NAMES_MISSING || file->names == NAMES_CHANGED)
		return 0;
	known = cache_find(file->cache, offset, exact, places);
	if (known >= 0)
		return (uint32_t)known;
	count = find_places(symbols, file, exact ? offset : offset - 1, places);
	cache_add(file->cache, offset, exact, places, count);
	return count;
}
