/* SPDX-License-Identifier: MIT */
/*
 * The format of the file: the first line identifies the file that the names come from. Then each
 * place of an address has a line, innermost first: offset, exact, line, inlined, function, source
 * file, separated by tabs. An address without a name has a line with offset and exact only. A new
 * file is written under a temporary name and renamed.
 */
#include "report/symbols/cache.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/util/output_file.h"
#include "report/util/trust.h"

#define SOURCE_LEAST (4 << 20) /* bytes; names of smaller files are found quickly */
#define FILE_MOST (16u << 20)

struct known {
	UT_hash_handle hh;
	struct known_key {
		uint64_t offset, exact;
	} key;
	uint32_t count;
	struct frame_place places[FRAME_PLACES_MAX];
	char *text[2 * FRAME_PLACES_MAX]; /* what `places` points to */
};

struct cache {
	int folder;
	char name[2 * sizeof((struct module_facts *)0)->build_id + 1];
	char *head; /* the first line */
	struct known *table;
	bool changed;
};

/* ---- names in memory ---- */

static struct known *known_find(const struct cache *cache, uint64_t offset, bool exact)
{
	struct known_key key = {offset, exact};
	struct known *known;

	HASH_FIND(hh, cache->table, &key, sizeof key, known);
	return known;
}

static struct known *known_find_or_add(struct cache *cache, uint64_t offset, bool exact)
{
	struct known *known = known_find(cache, offset, exact);

	if (known)
		return known;
	known = calloc(1, sizeof *known);
	if (!known)
		return NULL;
	known->key = (struct known_key){offset, exact};
	HASH_ADD(hh, cache->table, key, sizeof known->key, known);
	if (!known->hh.tbl) {
		free(known);
		return NULL;
	}
	return known;
}

static char *cache_copy_text(const char *text)
{
	return text && *text ? strdup(text) : NULL;
}

/* Whether no text contains a separator of the file. */
static bool places_fit_lines(const struct frame_place *places, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if ((places[i].function && strpbrk(places[i].function, "\t\n")) ||
		    (places[i].file && strpbrk(places[i].file, "\t\n")))
			return false;
	return true;
}

static void known_add_place(struct known *known, const struct frame_place *place)
{
	uint32_t i = known->count;

	if (i == FRAME_PLACES_MAX)
		return;
	known->text[2 * i] = cache_copy_text(place->function);
	known->text[2 * i + 1] = cache_copy_text(place->file);
	known->places[i] = (struct frame_place){.function = known->text[2 * i],
						.file = known->text[2 * i + 1],
						.line = place->line,
						.inlined = place->inlined};
	known->count++;
}

int cache_find(const struct cache *cache, uint64_t offset, bool exact,
	       struct frame_place places[FRAME_PLACES_MAX])
{
	const struct known *known = cache ? known_find(cache, offset, exact) : NULL;

	if (!known)
		return -1;
	memcpy(places, known->places, known->count * sizeof *places);
	return (int)known->count;
}

void cache_add(struct cache *cache, uint64_t offset, bool exact, const struct frame_place *places,
	       uint32_t count)
{
	struct known *known;

	if (!cache || !places_fit_lines(places, count))
		return;
	known = known_find_or_add(cache, offset, exact);
	if (!known || known->count)
		return;
	for (uint32_t i = 0; i < count; i++)
		known_add_place(known, &places[i]);
	cache->changed = true;
}

/* ---- the file ---- */

/* The cache trusts what it reads: the file or folder must be this user's. */
static bool cache_is_own(int folder, mode_t not_for_others)
{
	struct stat st;

	return folder >= 0 && fstat(folder, &st) == 0 && owner_is_self(folder, &st) &&
	       !(st.st_mode & not_for_others);
}

/* Opens the folder in `parent`, or creates it; closes `parent`. -1: another user's. */
static int cache_enter(int parent, const char *name, int flags, mode_t not_for_others)
{
	int folder;

	if (parent < 0)
		return -1;
	mkdirat(parent, name, 0700);
	folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
	close(parent);
	if (cache_is_own(folder, not_for_others))
		return folder;
	if (folder >= 0)
		close(folder);
	return -1;
}

/* Creates nothing in another user's home. ~/.cache may be a symbolic link. */
static int cache_folder(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	const char *base = cache && *cache == '/' ? cache : home;
	int folder = base && *base == '/' ? open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (!cache_is_own(folder, 0)) {
		if (folder >= 0)
			close(folder);
		return -1;
	}
	if (base == home)
		folder = cache_enter(folder, ".cache", 0, 0);
	return cache_enter(folder, "memshim", O_NOFOLLOW, S_IWGRP | S_IWOTH);
}

static void cache_name_file(struct cache *cache, const struct module_facts *module)
{
	size_t used = 0;

	for (uint32_t i = 0; i < module->build_id_bytes; i++)
		used += (size_t)snprintf(cache->name + used, sizeof cache->name - used, "%02x",
					 module->build_id[i]);
}

/* Another version of the source may have more names, so size and mtime are part of the line. */
static char *cache_make_head(const char *source)
{
	struct stat st;
	char *head;

	if (!source || strpbrk(source, "\t\n") || stat(source, &st) != 0 ||
	    st.st_size < SOURCE_LEAST)
		return NULL;
	if (asprintf(&head, "memshim names 1\t%s\t%lld\t%lld.%09ld", source, (long long)st.st_size,
		     (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec) < 0)
		return NULL;
	return head;
}

/* Ignores a line that is not in the format. */
static void cache_read_line(struct cache *cache, char *line)
{
	char *part[6] = {NULL};
	struct frame_place place = {0};
	struct known *known;
	int count = 0;

	for (char *at = line; at && count < 6; count++) {
		part[count] = at;
		at = strchr(at, '\t');
		if (at)
			*at++ = '\0';
	}
	if (count != 2 && count != 6)
		return;
	known = known_find_or_add(cache, strtoull(part[0], NULL, 16), *part[1] == '1');
	if (!known || count == 2)
		return;
	place.line = (uint32_t)strtoul(part[2], NULL, 10);
	place.inlined = *part[3] == '1';
	place.function = part[4];
	place.file = part[5];
	known_add_place(known, &place);
}

static void cache_read_lines(struct cache *cache, FILE *file)
{
	char *line = NULL;
	size_t capacity = 0;
	ssize_t length = getline(&line, &capacity, file);

	if (length > 0 && line[length - 1] == '\n')
		line[length - 1] = '\0';
	if (length > 0 && strcmp(line, cache->head) == 0)
		while ((length = getline(&line, &capacity, file)) > 0 && line[length - 1] == '\n') {
			line[length - 1] = '\0';
			cache_read_line(cache, line);
		}
	free(line);
}

static void cache_read(struct cache *cache)
{
	int fd = regular_open(cache->folder, cache->name, O_NOFOLLOW);
	struct stat st;
	FILE *file;

	if (fd < 0)
		return;
	if (!cache_is_own(fd, S_IWGRP | S_IWOTH) || fstat(fd, &st) != 0 ||
	    st.st_size >= FILE_MOST || !(file = fdopen(fd, "r"))) {
		close(fd);
		return;
	}
	cache_read_lines(cache, file);
	fclose(file);
}

struct cache *cache_open(const struct module_facts *module, const char *source)
{
	struct cache *cache = module->build_id_bytes ? calloc(1, sizeof *cache) : NULL;

	if (!cache)
		return NULL;
	cache->head = cache_make_head(source);
	cache->folder = cache->head ? cache_folder() : -1;
	if (cache->folder < 0) {
		free(cache->head);
		free(cache);
		return NULL;
	}
	cache_name_file(cache, module);
	cache_read(cache);
	return cache;
}

static void known_write(FILE *file, const struct known *known)
{
	if (known->count == 0)
		fprintf(file, "%" PRIx64 "\t%d\n", known->key.offset, known->key.exact != 0);
	for (uint32_t i = 0; i < known->count; i++) {
		const struct frame_place *place = &known->places[i];

		fprintf(file, "%" PRIx64 "\t%d\t%u\t%d\t%s\t%s\n", known->key.offset,
			known->key.exact != 0, place->line, place->inlined,
			place->function ? place->function : "", place->file ? place->file : "");
	}
}

static void cache_write(const struct cache *cache)
{
	const struct known *known, *next;
	struct output_file output;
	FILE *file;
	bool whole;
	int fd;

	if (!output_file_open(&output, cache->folder, cache->name))
		return;
	fd = dup(output.fd);
	file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!file) {
		if (fd >= 0)
			close(fd);
		output_file_close(&output, false);
		return;
	}
	fprintf(file, "%s\n", cache->head);
	HASH_ITER (hh, cache->table, known, next)
		known_write(file, known);
	whole = !ferror(file);
	whole = fclose(file) == 0 && whole;
	output_file_close(&output, whole);
}

void cache_close(struct cache *cache)
{
	struct known *known, *next;

	if (!cache)
		return;
	if (cache->changed)
		cache_write(cache);
	HASH_ITER (hh, cache->table, known, next) {
		HASH_DEL(cache->table, known);
		for (uint32_t i = 0; i < 2 * FRAME_PLACES_MAX; i++)
			free(known->text[i]);
		free(known);
	}
	close(cache->folder);
	free(cache->head);
	free(cache);
}
