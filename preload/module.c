/* SPDX-License-Identifier: MIT */
/*
 * A module is identified by its build id and its path. Both are read from memory: from the ELF
 * header and the notes that the loader mapped. While one of its functions is on the stack, the
 * module cannot be unloaded.
 */
#include "module.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

#include "common/raw.h"
#include "libc.h"
#include "shim.h"

#define PROBES 32u
#define KNOWN \
	128u /* modules that this process remembers; it searches the session's table for others */
#define STORED_LOADS 1024u /* modules, as many as a session has */
#define PAGE_LEAST 4096u
#define FOLDER_BYTES 200u

/*
 * `word` is a hash of the module's address << 20 | its number + 1. `seal` mixes `word` with the
 * generation in which it was found, so that two threads that write here at once cannot leave a
 * valid mixture.
 */
struct known {
	_Atomic uint64_t word, seal;
};

const _Atomic uint64_t *module_load_count;
_Atomic uint64_t module_generations;

static struct known known[KNOWN];
static _Atomic uint64_t
	stored_loads[STORED_LOADS];       /* by module: the last address stored in LOADS, mixed */
static char working_folder[FOLDER_BYTES]; /* "" unknown */
static uint32_t working_folder_bytes;

/* ---- the loaded files ---- */

/*
 * ld.so counts all loads in a private variable of _rtld_global. This variable precedes the pointer
 * to the library that is initialised first, which is this library now. So the code searches for a
 * word that equals its own link map, preceded by the number of all link maps: nothing has been
 * unloaded yet.
 */
static const _Atomic uint64_t *module_find_load_count(const struct link_map *loader)
{
	struct libc_symbol global = libc_find_symbol(loader, "_rtld_global");
	const uint64_t *word = (const void *)global.address;
	const struct link_map *own = NULL;
	uint64_t count = 0;

	for (const struct link_map *map = libc_first_map(); map; map = map->l_next, count++)
		if (map->l_ld == _DYNAMIC)
			own = map;
	for (uint64_t i = 1; word && own && i < global.size_bytes / sizeof *word; i++)
		if (word[i] == (uint64_t)own && word[i - 1] == count)
			return (const _Atomic uint64_t *)(word + i - 1);
	return NULL;
}

void module_set_up(const struct link_map *loader)
{
	long length = raw_call3(SYS_getcwd, (long)working_folder, sizeof working_folder, 0);

	module_load_count = module_find_load_count(loader);
	/*
	 * getcwd(2) answers "(unreachable)/..." outside of the root; after "/" no second slash is
	 * needed
	 */
	if (!raw_failed(length) && working_folder[0] == '/')
		working_folder_bytes = length > 2 ? (uint32_t)length - 1 : 0;
	else
		working_folder[0] = '\0';
}

static uint64_t module_mix(uint64_t a, uint64_t b)
{
	uint64_t hash = (a ^ (b << 29 | b >> 35)) * 0x9e3779b97f4a7c15u;

	return hash ^ hash >> 31;
}

static struct known *module_known_place(const struct unwind_object *object)
{
	return &known[((uint64_t)object->link_map >> 5 ^ (uint64_t)object->link_map >> 12) % KNOWN];
}

/* ---- their headers ---- */

/*
 * Of the program itself, the kernel gives the address of the headers (AT_PHDR). With gaps between
 * its segments, the begin of the map that libc reports is that of one segment only.
 */
static const Elf64_Phdr *program_headers(const struct link_map *map, unsigned *count)
{
	const Elf64_Phdr *headers = shim.program_headers;

	*count = 0;
	if (map != libc_first_map() || !headers || headers->p_type != PT_PHDR ||
	    map->l_addr + headers->p_vaddr != (uint64_t)headers)
		return NULL;
	*count = shim.program_header_count;
	return headers;
}

/* The program headers, `count` of them. Those of a library are found only in its first page. */
static const Elf64_Phdr *module_find_headers(const struct unwind_object *object, unsigned *count)
{
	const Elf64_Phdr *headers = program_headers(object->link_map, count);
	const Elf64_Ehdr *elf = object->map_start;

	if (headers || memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 ||
	    elf->e_phentsize != sizeof *headers || elf->e_phoff > PAGE_LEAST ||
	    elf->e_phoff % _Alignof(Elf64_Phdr) ||
	    elf->e_phnum > (PAGE_LEAST - elf->e_phoff) / sizeof *headers)
		return headers;
	*count = elf->e_phnum;
	return (const void *)((const char *)elf + elf->e_phoff);
}

struct unwind_span module_segment(const struct unwind_object *object, uint64_t address)
{
	uint64_t offset = address - object->link_map->l_addr;
	unsigned count;
	const Elf64_Phdr *p = module_find_headers(object, &count);

	for (; count > 0; p++, count--)
		if (p->p_type == PT_LOAD && p->p_flags & PF_R && offset - p->p_vaddr < p->p_memsz)
			return (struct unwind_span){address - (offset - p->p_vaddr),
						    address - (offset - p->p_vaddr) + p->p_memsz};
	return (struct unwind_span){0, 0};
}

static void module_copy_build_id(struct segment_module *module, const char *note, uint64_t size)
{
	while (size >= sizeof(Elf64_Nhdr)) {
		const Elf64_Nhdr *header = (const void *)note;
		uint64_t name = (header->n_namesz + 3u) & ~3ull,
			 desc = (header->n_descsz + 3u) & ~3ull;

		if (size < sizeof *header + name + desc)
			return;
		if (header->n_type == NT_GNU_BUILD_ID && header->n_namesz == 4 &&
		    header->n_descsz <= sizeof module->build_id) {
			module->build_id_bytes = header->n_descsz;
			memcpy(module->build_id, note + sizeof *header + name, header->n_descsz);
			return;
		}
		note += sizeof *header + name + desc;
		size -= sizeof *header + name + desc;
	}
}

static void module_find_build_id(struct segment_module *module, const struct unwind_object *object)
{
	unsigned count;
	const Elf64_Phdr *p = module_find_headers(object, &count);

	for (; count > 0 && module->build_id_bytes == 0; p++, count--) {
		uint64_t at = object->link_map->l_addr + p->p_vaddr;
		struct unwind_span segment;

		if (p->p_type != PT_NOTE)
			continue;
		segment = module_segment(object, at);
		if (at < segment.end && p->p_memsz <= segment.end - at)
			module_copy_build_id(module, (const char *)at, p->p_memsz);
	}
}

/* The loader has no name for the program itself, and a relative one after a relative dlopen. */
static void module_copy_path(struct segment_module *module, const struct link_map *map)
{
	const char *from = map->l_name && *map->l_name ? map->l_name : shim.exe;
	size_t i = 0;

	if (*from != '/' && working_folder[0] && *from) {
		memcpy(module->path, working_folder, working_folder_bytes);
		i = working_folder_bytes;
		module->path[i++] = '/';
		if (from[0] == '.' && from[1] == '/')
			from += 2;
	}
	while (*from && i + 1 < sizeof module->path)
		module->path[i++] = *from++;
	module->path[i] = '\0';
}

static uint64_t module_content_hash(const struct segment_module *module)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (uint32_t i = 0; i < module->build_id_bytes; i++)
		hash = (hash ^ module->build_id[i]) * 0x100000001b3u;
	for (const char *at = module->path; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
	return hash;
}

static bool module_has_content(const struct segment_module *a, const struct segment_module *b)
{
	return a->build_id_bytes == b->build_id_bytes &&
	       memcmp(a->build_id, b->build_id, a->build_id_bytes) == 0 &&
	       memcmp(a->path, b->path, strlen(b->path) + 1) == 0;
}

static void module_fill(struct segment_module *place, const struct segment_module *module,
			uint64_t ready)
{
	place->build_id_bytes = module->build_id_bytes;
	memcpy(place->build_id, module->build_id, sizeof place->build_id);
	memcpy(place->path, module->path, sizeof place->path);
	word_hand_over(&place->claim, ready);
}

/* The module's number + 1 in the session's table; adds it if it is new. 0 when there is no room. */
static uint32_t module_find_or_add(const struct segment_module *module)
{
	struct segment_module *table = shim_region(REGION_MODULES);
	uint64_t count = shim.header->region[REGION_MODULES].count;
	uint64_t hash = module_content_hash(module),
		 ready = (hash & ~(uint64_t)MODULE_STATE) | MODULE_READY;

	for (uint32_t i = 0; i < PROBES && i < count; i++) {
		struct segment_module *place = table + ((hash >> 2) + i) % count;
		uint64_t claim = word_accept(&place->claim);

		if (claim == ready && module_has_content(place, module))
			return (uint32_t)(place - table) + 1;
		if (claim != 0 || !word_take(&place->claim, 0, ready - MODULE_READY + MODULE_BUSY))
			continue;
		module_fill(place, module, ready);
		return (uint32_t)(place - table) + 1;
	}
	return 0;
}

/* Stores the load address of a module, once for each address. A child of fork has its parent's. */
static void module_store_load(uint32_t number, uint64_t address)
{
	struct segment_load *load = shim_region(REGION_LOADS);
	_Atomic uint64_t *last = &stored_loads[number % STORED_LOADS];
	uint64_t word = module_mix(number, address);
	uint32_t place;

	if (word_load(last) == word)
		return;
	word_store(last, word);
	place = half_add(&shim.shared->load_count, 1) - 1;
	if (place >= shim.header->region[REGION_LOADS].count)
		return; /* then the reader knows offsets only, and no absolute addresses */
	load[place].address = address;
	word_hand_over(&load[place].whose, (uint64_t)shim.instance << 32 | number);
}

static uint32_t module_describe(const struct unwind_object *object, struct segment_module *module)
{
	memset(module, 0, sizeof *module);
	module_find_build_id(module, object);
	module_copy_path(module, object->link_map);
	return module_find_or_add(module);
}

uint32_t module_number(const struct unwind_object *object, uint64_t generation,
		       struct segment_module *scratch)
{
	struct known *place = module_known_place(object);
	uint64_t word = word_load(&place->word);
	uint64_t hash = module_mix(module_address(object), (uint64_t)object->link_map) << 20;
	uint32_t number;

	if ((word & ~0xfffffull) == hash && word_load(&place->seal) == module_mix(word, generation))
		return (uint32_t)(word & 0xfffff);
	number = module_describe(object, scratch);
	if (number == 0 || number >= 0xfffff)
		return SEGMENT_FRAME_NOWHERE;
	module_store_load(number, module_address(object));
	word_store(&place->word, hash | number);
	word_store(&place->seal, module_mix(hash | number, generation));
	return number;
}

uint64_t module_address(const struct unwind_object *object)
{
	return object->link_map->l_addr;
}
