/* SPDX-License-Identifier: MIT */
/*
 * A module is what its build id and path say it is. Its description is read from memory: the ELF
 * header and the notes that the loader mapped. While one of its functions is on the stack, it
 * cannot go away.
 */
#include "module.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

#include "shim.h"

#define PROBES 32u
#define KNOWN 64u /* of this process's modules; others are looked up each time */

/* map_start's page number, mixed with the link map, << 20 | number + 1. */
static _Atomic uint64_t known[KNOWN];

static uint64_t known_tag(const struct unwind_object *object)
{
	uint64_t mixed = (uint64_t)object->map_start >> 12 ^ (uint64_t)object->link_map >> 4 << 36;

	return mixed << 20;
}

static _Atomic uint64_t *known_place(const struct unwind_object *object)
{
	return &known[((uint64_t)object->link_map >> 5 ^ (uint64_t)object->link_map >> 12) % KNOWN];
}

static void copy_build_id(struct segment_module *module, const char *note, uint64_t size)
{
	while (size >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *header = (const void *)note;
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

static void find_build_id(struct segment_module *module, const struct unwind_object *object)
{
	const ElfW(Ehdr) *elf = object->map_start;
	const ElfW(Phdr) * p;

	if (memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0 || elf->e_phentsize != sizeof *p)
		return;
	p = (const void *)((const char *)elf + elf->e_phoff);
	for (int i = 0; i < elf->e_phnum && module->build_id_bytes == 0; i++)
		if (p[i].p_type == PT_NOTE)
			copy_build_id(module,
				      (const char *)(object->link_map->l_addr + p[i].p_vaddr),
				      p[i].p_memsz);
}

/* The loader has no name for the program itself. */
static void copy_path(struct segment_module *module, const struct link_map *map)
{
	const char *from = map->l_name && *map->l_name ? map->l_name : shim.exe;
	size_t i = 0;

	for (; from[i] && i + 1 < sizeof module->path; i++)
		module->path[i] = from[i];
	module->path[i] = '\0';
}

static uint64_t content_hash(const struct segment_module *module)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (uint32_t i = 0; i < module->build_id_bytes; i++)
		hash = (hash ^ module->build_id[i]) * 0x100000001b3u;
	for (const char *at = module->path; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
	return hash;
}

static bool same_content(const struct segment_module *a, const struct segment_module *b)
{
	return a->build_id_bytes == b->build_id_bytes &&
	       memcmp(a->build_id, b->build_id, a->build_id_bytes) == 0 &&
	       memcmp(a->path, b->path, strlen(b->path) + 1) == 0;
}

static void fill(struct segment_module *place, const struct segment_module *module, uint64_t ready)
{
	place->build_id_bytes = module->build_id_bytes;
	memcpy(place->build_id, module->build_id, sizeof place->build_id);
	memcpy(place->path, module->path, sizeof place->path);
	word_hand_over(&place->claim, ready);
}

/* Its number + 1 in the session's table, where it is put if it is new; 0 when there is no room. */
static uint32_t find_or_add(const struct segment_module *module)
{
	struct segment_module *table = shim_region(REGION_MODULES);
	uint64_t count = shim.header->region[REGION_MODULES].count;
	uint64_t hash = content_hash(module),
		 ready = (hash & ~(uint64_t)MODULE_STATE) | MODULE_READY;

	for (uint32_t i = 0; i < PROBES && i < count; i++) {
		struct segment_module *place = table + ((hash >> 2) + i) % count;
		uint64_t claim = word_accept(&place->claim);

		if (claim == ready && same_content(place, module))
			return (uint32_t)(place - table) + 1;
		if (claim != 0 || !word_take(&place->claim, 0, ready - MODULE_READY + MODULE_BUSY))
			continue;
		fill(place, module, ready);
		return (uint32_t)(place - table) + 1;
	}
	return 0;
}

static void say_where(uint32_t number, uint64_t address)
{
	uint32_t place = half_add(&shim.shared->load_count, 1) - 1;
	struct segment_load *load = shim_region(REGION_LOADS);

	if (place >= shim.header->region[REGION_LOADS].count)
		return; /* then the reader knows its offsets, and no absolute addresses */
	load[place].address = address;
	word_hand_over(&load[place].whose, (uint64_t)shim.instance << 32 | number);
}

static uint32_t describe(const struct unwind_object *object)
{
	struct segment_module module = {0};
	uint32_t number;

	find_build_id(&module, object);
	copy_path(&module, object->link_map);
	number = find_or_add(&module);
	if (number == 0)
		return SEGMENT_FRAME_NOWHERE;
	say_where(number, module_address(object));
	return number;
}

uint32_t module_number(const struct unwind_object *object)
{
	_Atomic uint64_t *place = known_place(object);
	uint64_t tag = known_tag(object), word = word_load(place);
	uint32_t number;

	if ((word & ~0xfffffull) == tag && word & 0xfffff)
		return (uint32_t)(word & 0xfffff);
	number = describe(object);
	if (number < 0xfffff)
		word_store(place, tag | number);
	return number;
}

uint64_t module_address(const struct unwind_object *object)
{
	return object->link_map->l_addr;
}
