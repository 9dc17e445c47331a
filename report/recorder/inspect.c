/* SPDX-License-Identifier: MIT */
#include "report/recorder/inspect.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "report/procfs/proc.h"
#include "report/reader/facts.h"
#include "report/recorder/preload_check.h"
#include "report/util/path.h"
#include "report/util/trust.h"

#define SCRIPT_DEPTH 4 /* as in the kernel: a script's interpreter may be a script */

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#else
#define OWN_MACHINE EM_AARCH64
#endif

static void judge_fd(struct inspection *in, int fd, int depth);

static void inspect_judge(struct inspection *in, enum inspect_verdict verdict, unsigned why,
			  int error)
{
	in->verdict = verdict;
	in->why = why;
	in->error = error;
}

/* The loader's path of a dynamic program; false for a static one. */
static bool find_loader(int fd, const Elf64_Ehdr *elf, char *loader, size_t size)
{
	for (unsigned i = 0; i < elf->e_phnum && i < 128; i++) {
		Elf64_Phdr p;
		size_t length;

		if (pread(fd, &p, sizeof p, (off_t)(elf->e_phoff + i * sizeof p)) != sizeof p)
			return false;
		if (p.p_type != PT_INTERP)
			continue;
		length = p.p_filesz < size ? p.p_filesz : size - 1;
		if (pread(fd, loader, length, (off_t)p.p_offset) != (ssize_t)length)
			return false;
		loader[length] = '\0';
		return true;
	}
	return false;
}

/* Whether it is the loader itself: it has no loader, and still loads LD_PRELOAD. */
static bool is_loader(const char *path)
{
	const char *name = path_base_name(path);

	/* Before glibc 2.34 that was a link to ld-2.31.so. */
	return strncmp(name, "ld-linux", 8) == 0 || strncmp(name, "ld-2.", 5) == 0;
}

/* Whether the kernel gives the program more rights than its caller has. */
static bool gains_rights(int fd)
{
	struct statvfs fs;
	struct stat st;

	if (fstat(fd, &st) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
	    (fstatvfs(fd, &fs) == 0 && fs.f_flag & ST_NOSUID))
		return false;
	return (st.st_mode & S_ISUID && st.st_uid != getuid()) ||
	       (st.st_mode & S_ISGID && st.st_mode & S_IXGRP && st.st_gid != getgid()) ||
	       (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0);
}

/* The interpreter need not be readable; but if it is missing, the program cannot run. */
static void judge_unopened(struct inspection *in, const char *interpreter)
{
	inspect_judge(in, INSPECT_SEEN, 0, 0);
	if (eaccess(interpreter, X_OK) == 0)
		return;
	inspect_judge(in, INSPECT_CANNOT_RUN, 0, errno);
	snprintf(in->interpreter, sizeof in->interpreter, "%s", interpreter);
}

static void judge_elf(struct inspection *in, int fd, const Elf64_Ehdr *elf)
{
	char loader[256];

	if (elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_machine != OWN_MACHINE)
		inspect_judge(in, INSPECT_UNSEEN, WHY_OTHER_CLASS, 0);
	else if (!find_loader(fd, elf, loader, sizeof loader) && !is_loader(in->path))
		inspect_judge(in, INSPECT_UNSEEN, WHY_STATIC, 0);
	else if (!is_loader(in->path) && !is_loader(loader))
		inspect_judge(in, INSPECT_UNSEEN, WHY_OTHER_LIBC, 0);
	else if (gains_rights(fd))
		inspect_judge(in, INSPECT_UNSEEN, WHY_SETUID, 0);
	else if (asan_check_refuses_preload(fd))
		inspect_judge(in, INSPECT_UNSEEN, WHY_ASAN, 0);
	else if (is_loader(in->path))
		inspect_judge(in, INSPECT_SEEN, 0, 0);
	else
		judge_unopened(in, loader);
}

/* #!interpreter [argument] */
static void judge_script(struct inspection *in, const char *line, int depth)
{
	char interpreter[256];
	int fd;

	if (depth == 0 || sscanf(line + 2, " %255[^ \t\n]", interpreter) != 1) {
		inspect_judge(in, INSPECT_SEEN, 0, 0); /* exec reports what is wrong */
		return;
	}
	fd = regular_open(AT_FDCWD, interpreter, 0);
	if (fd >= 0) {
		judge_fd(in, fd, depth - 1);
		close(fd);
	} else {
		judge_unopened(in, interpreter);
	}
}

static void judge_fd(struct inspection *in, int fd, int depth)
{
	union {
		Elf64_Ehdr elf;
		char text[257];
	} head = {.text = ""};
	ssize_t got = pread(fd, &head, sizeof head.text - 1, 0);

	if (got >= (ssize_t)sizeof head.elf && memcmp(head.elf.e_ident, ELFMAG, SELFMAG) == 0)
		judge_elf(in, fd, &head.elf);
	else if (got >= 2 && head.text[0] == '#' && head.text[1] == '!')
		judge_script(in, head.text, depth);
	else
		inspect_judge(in, INSPECT_SEEN, 0, 0); /* execvp(3) gives it to the shell */
}

static void judge_file(struct inspection *in)
{
	struct stat st;
	int fd;

	if (stat(in->path, &st) != 0) {
		inspect_judge(in,
			      errno == ENOENT || errno == ENOTDIR ? INSPECT_NOT_FOUND
								  : INSPECT_CANNOT_RUN,
			      0, errno);
	} else if (S_ISDIR(st.st_mode)) {
		inspect_judge(in, INSPECT_CANNOT_RUN, 0, EISDIR);
	} else if (!S_ISREG(st.st_mode)) {
		inspect_judge(in, INSPECT_CANNOT_RUN, 0, EACCES);
	} else if (eaccess(in->path, X_OK) != 0) {
		inspect_judge(in, INSPECT_CANNOT_RUN, 0, errno);
	} else if ((fd = regular_open(AT_FDCWD, in->path, 0)) < 0) {
		inspect_judge(in, INSPECT_SEEN, 0, 0); /* executable without being readable */
	} else {
		judge_fd(in, fd, SCRIPT_DEPTH);
		close(fd);
	}
}

/* Finds the first executable of that name in PATH, as execvp(3) does. */
static void find_in_path(struct inspection *in, const char *command)
{
	const char *from = getenv("PATH");
	int error = ENOENT;

	if (!from)
		from = "/bin:/usr/bin";
	for (; from; from = strchr(from, ':') ? strchr(from, ':') + 1 : NULL) {
		int length = (int)strcspn(from, ":");
		struct stat st;

		snprintf(in->path, sizeof in->path, "%.*s%s%s", length, from, length ? "/" : "",
			 command);
		if (eaccess(in->path, X_OK) == 0 && stat(in->path, &st) == 0 &&
		    S_ISREG(st.st_mode)) {
			judge_file(in);
			return;
		}
		if (access(in->path, F_OK) == 0)
			error = EACCES;
	}
	snprintf(in->path, sizeof in->path, "%s", command);
	inspect_judge(in, error == ENOENT ? INSPECT_NOT_FOUND : INSPECT_CANNOT_RUN, 0, error);
}

const char *inspect_words(unsigned why)
{
	return unfollowed_words(why);
}

bool inspect_bears_preload(unsigned why)
{
	return why != WHY_OTHER_LIBC && why != WHY_OTHER_CLASS && why != WHY_ASAN;
}

void inspect_command(struct inspection *in, const char *command)
{
	in->path[0] = in->interpreter[0] = '\0';
	if (*command == '\0') {
		inspect_judge(in, INSPECT_NOT_FOUND, 0, ENOENT);
	} else if (strchr(command, '/')) {
		snprintf(in->path, sizeof in->path, "%s", command);
		judge_file(in);
	} else {
		find_in_path(in, command);
	}
}

/* The word that names the program on a loader's command line, ld.so(8); null: there is none. */
static const char *find_program_word(const char *words, const char *end)
{
	static const char *const with_value[] = {
		"--library-path", "--inhibit-rpath",        "--preload",           "--audit",
		"--argv0",        "--glibc-hwcaps-prepend", "--glibc-hwcaps-mask",
	};
	const char *word = words + strlen(words) + 1;

	while (word < end && strncmp(word, "--", 2) == 0) {
		bool has_value = false;

		for (size_t i = 0; i < sizeof with_value / sizeof *with_value; i++)
			has_value |= strcmp(word, with_value[i]) == 0;
		word += strlen(word) + 1;
		if (has_value && word < end)
			word += strlen(word) + 1;
	}
	return word < end && *word ? word : NULL;
}

/* Sets the path of the program that the loader was given. */
static void name_given_program(struct inspection *in, pid_t pid)
{
	char words[4096], folder[PATH_MAX] = "";
	ssize_t used = proc_read(pid, "cmdline", words, sizeof words);
	const char *program = used > 0 ? find_program_word(words, words + used) : NULL;

	if (!program)
		return;
	if (*program != '/' && strchr(program, '/') &&
	    proc_link(pid, "cwd", folder, sizeof folder - 1))
		strcat(folder, "/");
	if (strncmp(program, "./", 2) == 0 && *folder)
		program += 2;
	if (snprintf(in->path, sizeof in->path, "%s%s", folder, program) >= (int)sizeof in->path)
		in->path[0] = '\0';
}

void inspect_process(struct inspection *in, pid_t pid)
{
	char link[64];
	int fd;

	proc_link(pid, "exe", in->path, sizeof in->path);
	snprintf(link, sizeof link, "/proc/%ld/exe", (long)pid);
	inspect_judge(in, INSPECT_SEEN, 0, 0);
	fd = open(link, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	judge_fd(in, fd, 0);
	close(fd);
	if (is_loader(in->path))
		name_given_program(in, pid);
}
