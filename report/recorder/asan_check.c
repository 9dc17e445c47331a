/* SPDX-License-Identifier: MIT */
#include "report/recorder/asan_check.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#define RUNTIME "libasan.so"
#define OPTIONS "__asan_default_options"
#define CONSENT "verify_asan_link_order=0"

static bool needs_runtime(Elf *elf, const GElf_Shdr *section, Elf_Data *data)
{
	GElf_Dyn row;

	for (int i = 0; gelf_getdyn(data, i, &row) && row.d_tag != DT_NULL; i++) {
		const char *name = row.d_tag == DT_NEEDED
					   ? elf_strptr(elf, section->sh_link, row.d_un.d_val)
					   : NULL;

		if (name && strncmp(name, RUNTIME, sizeof RUNTIME - 1) == 0)
			return true;
	}
	return false;
}

static bool sets_options(Elf *elf, const GElf_Shdr *section, Elf_Data *data)
{
	GElf_Sym symbol;

	for (int i = 0; gelf_getsym(data, i, &symbol); i++) {
		const char *name = elf_strptr(elf, section->sh_link, symbol.st_name);

		if (symbol.st_shndx != SHN_UNDEF && name && strcmp(name, OPTIONS) == 0)
			return true;
	}
	return false;
}

static bool refuses(Elf *elf)
{
	bool needs = false, sets = false;
	Elf_Scn *scn = NULL;
	GElf_Shdr section;

	while ((scn = elf_nextscn(elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &section) ||
		    (section.sh_type != SHT_DYNAMIC && section.sh_type != SHT_DYNSYM))
			continue;
		data = elf_getdata(scn, NULL);
		if (data && section.sh_type == SHT_DYNAMIC)
			needs |= needs_runtime(elf, &section, data);
		else if (data)
			sets |= sets_options(elf, &section, data);
	}
	return needs && sets;
}

bool checker_refuses_preload(int fd)
{
	const char *options = getenv("ASAN_OPTIONS");
	bool answer;
	Elf *elf;

	if (options && strstr(options, CONSENT))
		return false;
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	answer = elf && refuses(elf);
	elf_end(elf);
	return answer;
}
