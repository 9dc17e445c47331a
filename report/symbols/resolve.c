/* SPDX-License-Identifier: MIT */
#include "report/symbols/resolve.h"

#include <dwarf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "report/symbols/broker.h"
#include "report/symbols/demangle.h"
#include "report/symbols/files.h"
#include "report/symbols/protocol.h"
#include "report/symbols/sandbox.h"

/* ---- names ---- */

/* The name of a function, from its debugging entry (DIE). */
static const char *entry_name(Dwarf_Die *die)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	if (name)
		return name;
	return dwarf_attr_integrate(die, DW_AT_name, &attribute) ? dwarf_formstring(&attribute)
								 : NULL;
}

/* The symbol whose range contains the address, or null. A symbol without a size has no range. */
static const char *symbol_name(Dwfl_Module *module, GElf_Addr address)
{
	GElf_Off offset;
	GElf_Sym symbol;
	const char *name = dwfl_module_addrinfo(module, address, &offset, &symbol, NULL, NULL,
						NULL);

	if (!name || symbol.st_size == 0 || offset >= symbol.st_size)
		return NULL;
	return name;
}

/* ---- places ---- */

static void resolve_put_line(Dwfl_Module *module, GElf_Addr address, struct frame_place *place)
{
	Dwfl_Line *line = dwfl_module_getsrc(module, address);
	int number = 0;

	if (!line)
		return;
	place->file = dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL);
	place->line = number > 0 ? (uint32_t)number : 0;
}

/* The line where an inlined function was called is the line of the function around it. */
static void resolve_put_call_site(Dwarf_Die *unit, Dwarf_Die *inlined, struct frame_place *place)
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

/* The lexical scopes around an address, from the innermost function outwards. */
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

/* Finds places in the debugging information. Returns 0 when it has none for this address. */
static uint32_t resolve_find_entries(Dwfl_Module *module, GElf_Addr address,
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
			resolve_put_line(module, address, place);
		}
		place->function = entry_name(&scopes[i]);
		place->inlined = tag == DW_TAG_inlined_subroutine;
		used++;
		if (!place->inlined)
			break;
		if (used < FRAME_PLACES_MAX) {
			places[used] = (struct frame_place){0};
			resolve_put_call_site(unit, &scopes[i], &places[used]);
		}
	}
	free(scopes);
	return used;
}

/* `address` lies in the call instruction: a return address may lie in the next function. */
static uint32_t resolve_find_places(const struct file *file, GElf_Addr address,
				    struct frame_place places[FRAME_PLACES_MAX])
{
	uint32_t count = resolve_find_entries(file->module, address, places);
	const char *name;

	if (count > 0 && places[count - 1].function)
		return count;
	name = symbol_name(file->module, address);
	if (count == 0) {
		if (!name)
			return 0;
		places[0] = (struct frame_place){0};
		resolve_put_line(file->module, address, &places[0]);
		count = 1;
	}
	places[count - 1].function = name;
	return count;
}

/* ---- answers ---- */

static struct question asked;
static struct answer answer;

/* Returns the bytes of the text with the null byte. 0: no text, or it does not fit. */
static uint32_t answer_put_text(const char *text, size_t most)
{
	size_t capacity = sizeof answer.text - answer.text_bytes;
	size_t length = text ? strnlen(text, most) : 0;
	char *to = answer.text + answer.text_bytes;

	if (length == 0 || length + 1 > capacity)
		return 0;
	memcpy(to, text, length);
	to[length] = '\0';
	if (length == most && length > 3)
		memcpy(to + length - 3, "...", 3);
	answer.text_bytes += (uint32_t)length + 1;
	return (uint32_t)length + 1;
}

static uint32_t answer_put_function(const char *name)
{
	char *plain = name ? demangle_name(name) : NULL;
	uint32_t bytes = answer_put_text(plain ? plain : name, ANSWER_NAME_BYTES);

	free(plain);
	return bytes;
}

static void answer_put_places(const struct frame_place *places, uint32_t count)
{
	answer.count = count;
	for (uint32_t i = 0; i < count; i++)
		answer.places[i] = (struct answer_place){
			.function_bytes = answer_put_function(places[i].function),
			.file_bytes = answer_put_text(places[i].file, PATH_MAX),
			.line = places[i].line,
			.inlined = places[i].inlined,
		};
}

/* Whether a library ran out of memory since the last call of this function. */
static bool is_short_of_memory(void)
{
	const char *messages[] = {dwfl_errmsg(0), dwarf_errmsg(0), elf_errmsg(0)};
	bool found = false;

	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
		found |= messages[i] && strstr(messages[i], "memory");
	dwfl_errno();
	dwarf_errno();
	elf_errno();
	return found;
}

static void answer_begin(enum answer_kind kind)
{
	memset(&answer, 0, ANSWER_HEAD_BYTES);
	answer.kind = kind;
}

static void answer_end(int socket)
{
	answer.short_of_memory = is_short_of_memory();
	if (send(socket, &answer, ANSWER_HEAD_BYTES + answer.text_bytes, MSG_NOSIGNAL) < 0)
		_exit(SANDBOX_EXIT_LOST);
}

static void answer_module(int socket, struct files *files)
{
	struct file *file = files_add(files, &asked.module);

	answer_begin(ANSWER_MODULE);
	answer.names = file ? file->names : NAMES_MISSING;
	if (file)
		answer_put_text(file_source(file), PATH_MAX);
	answer_end(socket);
}

static void answer_places(int socket, struct files *files)
{
	struct frame_place places[FRAME_PLACES_MAX];
	const struct file *file = files_find(files, asked.module.number);

	for (uint32_t i = 0; i < asked.count; i++) {
		const struct symbol_address *at = &asked.addresses[i];
		uint32_t count = 0;

		sandbox_allow_time(file ? file->bytes : 0);
		if (file)
			count = resolve_find_places(file, at->exact ? at->offset : at->offset - 1,
						    places);
		answer_begin(ANSWER_PLACES);
		answer_put_places(places, count);
		answer_end(socket);
	}
}

_Noreturn void resolve_serve(int socket, const struct symbols_options *options)
{
	struct files *files;

	socket = sandbox_enter(socket);
	broker_begin(socket);
	files = files_open(options);
	while (files && recv(socket, &asked, sizeof asked, 0) == sizeof asked) {
		sandbox_allow_time(0);
		if (asked.kind == QUESTION_MODULE)
			answer_module(socket, files);
		else
			answer_places(socket, files);
	}
	_exit(files ? 0 : SANDBOX_EXIT_LOST);
}
