/* SPDX-License-Identifier: MIT */
/*
 * Finds libc's entries in libc's own tables. _r_debug leads to its link map, and DT_GNU_HASH to the
 * symbol (System V ABI, "GNU hash": a Bloom filter, buckets, and chains whose last hash has its
 * lowest bit set).
 */
#include "libc.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>

/* Weak: with a libc that does not define it, the program must still start. */
extern struct r_debug _r_debug __attribute__((weak));

static bool text_equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static bool text_starts(const char *text, const char *prefix)
{
	while (*prefix && *text == *prefix)
		text++, prefix++;
	return *prefix == '\0';
}

static const char *libc_base_name(const char *path)
{
	const char *base = path;

	for (; *path; path++)
		if (*path == '/')
			base = path + 1;
	return base;
}

const struct link_map *libc_first_map(void)
{
	return &_r_debug ? _r_debug.r_map : NULL;
}

const struct link_map *libc_find_map(const char *prefix)
{
	const struct link_map *map = libc_first_map();

	for (; map; map = map->l_next)
		if (map->l_name && text_starts(libc_base_name(map->l_name), prefix))
			return map;
	return NULL;
}

/* The loader relocates the pointers in libc's dynamic section, but not those in the vdso's. */
static const void *libc_dynamic(const struct link_map *map, ElfW(Sxword) tag)
{
	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++)
		if (d->d_tag == tag)
			return (const void *)(d->d_un.d_ptr < map->l_addr
						      ? d->d_un.d_ptr + map->l_addr
						      : d->d_un.d_ptr);
	return NULL;
}

static uint32_t libc_gnu_hash(const char *name)
{
	uint32_t hash = 5381;

	while (*name)
		hash = hash * 33 + (unsigned char)*name++;
	return hash;
}

struct libc_symbol libc_find_symbol(const struct link_map *map, const char *name)
{
	const uint32_t *table = map ? libc_dynamic(map, DT_GNU_HASH) : NULL;
	const ElfW(Sym) *symbols = table ? libc_dynamic(map, DT_SYMTAB) : NULL;
	const char *names = table ? libc_dynamic(map, DT_STRTAB) : NULL;
	const ElfW(Half) *versions = table ? libc_dynamic(map, DT_VERSYM) : NULL;
	const uint32_t *buckets, *chains;
	uint32_t hash = libc_gnu_hash(name), i;

	if (!table || !symbols || !names || table[0] == 0)
		return (struct libc_symbol){NULL, 0};
	buckets = table + 4 + table[2] * (sizeof(ElfW(Addr)) / sizeof(uint32_t));
	chains = buckets + table[0] - table[1];
	i = buckets[hash % table[0]];
	if (i < table[1])
		return (struct libc_symbol){NULL, 0};
	for (;; i++) {
		bool hidden = versions && versions[i] & 0x8000;

		if ((chains[i] | 1) == (hash | 1) && !hidden && symbols[i].st_shndx != SHN_UNDEF &&
		    text_equal(names + symbols[i].st_name, name))
			return (struct libc_symbol){(char *)map->l_addr + symbols[i].st_value,
						    symbols[i].st_size};
		if (chains[i] & 1)
			return (struct libc_symbol){NULL, 0};
	}
}

void libc_find_text(const struct link_map *map, uint64_t *begin, uint64_t *end)
{
	const ElfW(Ehdr) *elf = map ? (const void *)map->l_addr : NULL;
	const ElfW(Phdr) * p;

	*begin = *end = 0;
	if (!elf)
		return;
	p = (const void *)(map->l_addr + elf->e_phoff);
	for (int i = 0; i < elf->e_phnum; i++) {
		uint64_t at = map->l_addr + p[i].p_vaddr;

		if (p[i].p_type != PT_LOAD || !(p[i].p_flags & PF_X))
			continue;
		if (*begin == 0)
			*begin = at;
		*end = at + p[i].p_memsz;
	}
}

uint64_t libc_file_offset(const struct link_map *map, uint64_t address)
{
	const ElfW(Ehdr) *elf = (const void *)map->l_addr;
	const ElfW(Phdr) *p = (const void *)(map->l_addr + elf->e_phoff);

	for (int i = 0; i < elf->e_phnum; i++)
		if (p[i].p_type == PT_LOAD && address - map->l_addr - p[i].p_vaddr < p[i].p_filesz)
			return address - map->l_addr - p[i].p_vaddr + p[i].p_offset;
	return 0;
}
