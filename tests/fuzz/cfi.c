/* SPDX-License-Identifier: MIT */
/*
 * Runs the shim's stack walker on damaged unwind tables, under AddressSanitizer: cfi FILE SEED
 * ROUNDS. The walker runs inside any program, so it may read only the tables and the stack,
 * whatever the tables say.
 *
 * The tables of FILE (a library) lie in a block of their own, so that a read outside of them is
 * found. Code addresses are those that belong to the copy; there is no code. The stack holds such
 * addresses, pointers into itself, and noise. A large area around it may be read, because the begin
 * of the main thread's stack is not known.
 */
#include <elf.h>
#include <link.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "preload/module.h"
#include "preload/unwind.h"

#define STACK_WORDS 4096u
#define AROUND_BYTES (512ul << 20)
#define STEPS 64
#define EDITS 24
#define CANDIDATES 16
#define RUN_MOST 48u /* bytes damaged in a row */
#define FDE_FIXED 17 /* the bytes before the program of most entries */

struct shim shim;

struct edit {
	unsigned char *at, old[RUN_MOST];
};

static unsigned char *tables; /* from .eh_frame_hdr to the end of its segment */
static size_t tables_bytes;
static unsigned char *head; /* one page: ELF header and program headers */
static struct link_map map;
static uint64_t *stack;
static uint64_t random_state;

static uint64_t next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void die(const char *why)
{
	fprintf(stderr, "cfi: %s\n", why);
	exit(2);
}

/* ---- the file ---- */

static unsigned char *read_file(const char *path, size_t *bytes)
{
	FILE *file = fopen(path, "rb");
	unsigned char *data = NULL;

	if (file && fseek(file, 0, SEEK_END) == 0 && (*bytes = (size_t)ftell(file)) > 4096 &&
	    (data = malloc(*bytes))) {
		rewind(file);
		if (fread(data, 1, *bytes, file) != *bytes)
			die("cannot be read");
	}
	if (file)
		fclose(file);
	return data ? data : (die("no such file"), NULL);
}

/* The first page describes one segment: the one that was copied. */
static void make_head(const unsigned char *file, uint64_t address)
{
	ElfW(Ehdr) *elf = (void *)(head = malloc(4096));
	ElfW(Phdr) *p = (void *)(head + sizeof *elf);

	memcpy(head, file, 4096);
	elf->e_phoff = sizeof *elf;
	elf->e_phnum = 1;
	*p = (ElfW(Phdr)){
		.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = address, .p_memsz = tables_bytes};
}

static void session(const char *path)
{
	size_t bytes;
	unsigned char *file = read_file(path, &bytes);
	const ElfW(Ehdr) *elf = (const void *)file;
	const ElfW(Phdr) *all = (const void *)(file + elf->e_phoff), *index = NULL;

	for (int i = 0; i < elf->e_phnum; i++)
		if (all[i].p_type == PT_GNU_EH_FRAME)
			index = &all[i];
	for (int i = 0; index && i < elf->e_phnum; i++) {
		uint64_t within = index->p_vaddr - all[i].p_vaddr;

		if (all[i].p_type != PT_LOAD || within >= all[i].p_filesz)
			continue;
		tables_bytes = all[i].p_filesz - within;
		tables = malloc(tables_bytes);
		memcpy(tables, file + all[i].p_offset + within, tables_bytes);
		make_head(file, index->p_vaddr);
		map.l_addr = (uint64_t)tables - index->p_vaddr;
	}
	free(file);
	if (!tables)
		die("it has no unwind tables");
}

static int find_object(void *pc, struct unwind_object *result)
{
	(void)pc;
	*result = (struct unwind_object){
		.map_start = head, .map_end = head + 1, .link_map = &map, .eh_frame = tables};
	return 0;
}

/* ---- damage ---- */

/*
 * A row of the sorted index, which follows 12 bytes: code address and FDE, relative to the index.
 */
static const int32_t *row(uint32_t number)
{
	return (const int32_t *)(const void *)(tables + 12) + 2ul * number;
}

/* Instructions with fitting operands, which noise would rarely produce. */
static unsigned char likely_byte(void)
{
	static const unsigned char bytes[] = {
		0x0a, 0x0b, 0x05, 0x09, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x14,
		0x16, 0x06, 0x41, 0x80, 0x90, 0xc6, 0x70, 0x77, 0x06, 0x08, 0x02, 0x7f,
		0xff, 0x00, 0x01, 0x22, 0x1a, 0x23, 0x30, 0x4f, 0x92, 'S',  'P',  'R',
	};

	return bytes[next() % sizeof bytes];
}

static void keep(struct edit *edit, unsigned char *at)
{
	if (at < tables || at > tables + tables_bytes - RUN_MOST)
		at = tables + tables_bytes - RUN_MOST;
	edit->at = at;
	memcpy(edit->old, at, RUN_MOST);
}

static void damage(struct edit *edit, unsigned char *at, uint64_t width)
{
	uint64_t run = next() % 3 ? 1 : next() % 12 + 1, kind = next() % 5;

	keep(edit, at + next() % width);
	for (at = edit->at; run > 0; run--, at++)
		switch (kind) {
		case 0:
			*at = (unsigned char)next();
			break;
		case 1:
			*at ^= (unsigned char)(1u << next() % 8);
			break;
		case 2:
			*at = 0xff;
			break;
		default:
			*at = likely_byte();
		}
}

/* Well-formed instructions of the kinds that need care. */
static unsigned make_instruction(unsigned char *at)
{
	static const struct {
		unsigned char bytes[8], count;
	} made[] = {
		{{0x0a}, 1},                               /* remember */
		{{0x0b}, 1},                               /* recall */
		{{0x0c, 7, 16}, 3},                        /* CFA = rsp + 16 */
		{{0x0d, 6}, 2},                            /* CFA by rbp */
		{{0x0f, 3, 0x77, 8, 0x06}, 5},             /* CFA = *(rsp + 8) */
		{{0x0f, 4, 0x0a, 0xff, 0xff, 0x06}, 6},    /* CFA = *0xffff */
		{{0x0f, 5, 0x77, 8, 0x23, 0x60, 0x22}, 7}, /* too few operands */
		{{0x10, 16, 2, 0x23, 8}, 5},               /* return address at CFA + 8 */
		{{0x10, 3, 0x7f, 0x30}, 4},                /* longer than its entry */
		{{0x16, 3, 2, 0x23, 8}, 5},
		{{0x09, 3, 0x30}, 3}, /* rbx in register 48 */
		{{0x90, 0x7f}, 2},
		{{0x41}, 1},
	};
	unsigned which = next() % (sizeof made / sizeof *made);

	memcpy(at, made[which].bytes, made[which].count);
	return made[which].count;
}

/* Writes another program, as long as the entry allows, or longer. */
static void compose(struct edit *edit, unsigned char *fde)
{
	unsigned used = 0, instructions = next() % 6 + 1;

	keep(edit, fde + FDE_FIXED);
	while (instructions-- > 0)
		used += make_instruction(edit->at + used);
}

/* Chooses a place near what the walk will read: the entry of one function, its CIE, the index. */
static void damage_near(struct edit *edit, uint32_t number)
{
	unsigned char *fde = tables + row(number)[1];
	uint32_t back;

	switch (next() % 10) {
	case 0:
		damage(edit, tables, 12);
		break;
	case 1:
		damage(edit, (unsigned char *)(uintptr_t)row(number), 8);
		break;
	case 2:
	case 3:
		if (fde < tables || fde + 8 > tables + tables_bytes)
			return damage(edit, tables, tables_bytes);
		memcpy(&back, fde + 4, sizeof back);
		damage(edit, fde + 4 - back, 40);
		break;
	case 4:
		damage(edit, tables, tables_bytes);
		break;
	case 5:
	case 6:
		compose(edit, fde);
		break;
	default:
		damage(edit, fde, 64);
	}
}

/* ---- walks ---- */

static uint64_t code_near(const uint32_t *candidates)
{
	return (uint64_t)tables + (uint64_t)(int64_t)row(candidates[next() % CANDIDATES])[0] +
	       next() % 40;
}

static uint64_t stack_word(const uint32_t *candidates)
{
	switch (next() % 6) {
	case 0:
		return (uint64_t)&stack[next() % STACK_WORDS];
	case 1:
		return next();
	case 2:
		return next() % 64;
	default:
		return code_near(candidates);
	}
}

static unsigned walk(const uint32_t *candidates)
{
	struct unwind_cursor cursor = {.exact = next() % 2};
	unsigned steps = 0;

	for (int i = 0; i < UNWIND_REGISTERS; i++)
		cursor.value[i] = stack_word(candidates);
	cursor.value[UNWIND_SP] = (uint64_t)&stack[next() % 64];
	cursor.pc = code_near(candidates);
	find_object(NULL, &cursor.object);
	cursor.known = true;
	cursor.tables = module_segment(&cursor.object, (uint64_t)tables);
	cursor.stack = (struct unwind_span){cursor.value[UNWIND_SP],
					    (uint64_t)(stack + STACK_WORDS)};
	while (steps < STEPS && unwind_step(&cursor))
		steps++;
	return steps;
}

/* A first page of random bytes: nothing outside of it may be read. */
static void look_at_head(void)
{
	struct unwind_object object;
	ElfW(Ehdr) *elf = (void *)head, saved = *elf;

	elf->e_phoff = next() % 2 ? elf->e_phoff : next() % 8192;
	elf->e_phnum = next() % 2 ? (uint16_t)(next() % 128) : (uint16_t)next();
	find_object(NULL, &object);
	module_segment(&object, 0);
	*elf = saved;
}

/* The headers let the segment end there: nothing after it may be read. */
static void end_segment(unsigned char *end)
{
	ElfW(Phdr) *p = (void *)(head + sizeof(ElfW(Ehdr)));

	p->p_memsz = (uint64_t)(end - tables);
	ASAN_UNPOISON_MEMORY_REGION(tables, tables_bytes);
	ASAN_POISON_MEMORY_REGION(end, tables_bytes - p->p_memsz);
}

static unsigned round_of_damage(uint32_t count)
{
	struct edit edits[EDITS];
	uint32_t candidates[CANDIDATES];
	uint64_t edit_count = next() % EDITS;
	unsigned char *end = tables + tables_bytes;
	unsigned steps = 0;

	for (int i = 0; i < CANDIDATES; i++)
		candidates[i] = (uint32_t)(next() % count);
	for (unsigned i = 0; i < STACK_WORDS / 8; i++)
		stack[i] = stack_word(candidates);
	for (uint64_t i = 0; i < edit_count; i++)
		damage_near(&edits[i], candidates[next() % CANDIDATES]);
	if (next() % 2) /* as if the segment ended inside the entry that is read */
		end = tables + row(candidates[0])[1] + next() % 64;
	if (end < (const unsigned char *)row(count) || end > tables + tables_bytes)
		end = tables + tables_bytes;
	end_segment(end);
	for (int i = 0; i < CANDIDATES; i++)
		steps += walk(candidates);
	end_segment(tables + tables_bytes);
	while (edit_count-- > 0)
		memcpy(edits[edit_count].at, edits[edit_count].old, RUN_MOST);
	look_at_head();
	return steps;
}

int main(int argc, char **argv)
{
	unsigned long rounds, steps = 0;
	uint32_t count;
	char *around;

	if (argc != 4)
		die("usage: cfi FILE SEED ROUNDS");
	session(argv[1]);
	random_state = strtoull(argv[2], NULL, 0) * 2654435761u + 1;
	rounds = strtoul(argv[3], NULL, 0);
	around = mmap(NULL, 2 * AROUND_BYTES, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (around == MAP_FAILED)
		die("no memory");
	stack = (void *)(around + AROUND_BYTES);
	unwind_set_up(find_object, (uint64_t)(stack + STACK_WORDS));
	memcpy(&count, tables + 8, sizeof count);
	for (unsigned long i = 0; i < rounds; i++)
		steps += round_of_damage(count);
	printf("%lu rounds, %lu steps\n", rounds, steps);
	free(tables);
	free(head);
	return steps == 0;
}
