/* SPDX-License-Identifier: MIT */
/*
 * The constructor. It runs before the constructors of all other libraries (-z initfirst), and
 * before libc's own, so that it misses no move of the break. At this time no libc function may be
 * called. It finds libc's entries, joins the session, registers the process, and redirects libc's
 * entries. What fails is counted, and the program runs on unharmed.
 */
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "attachments.h"
#include "common/files.h"
#include "libc.h"
#include "process.h"
#include "redirect.h"
#include "session.h"
#include "stack.h"
#include "thread.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif
#ifndef PR_GET_TID_ADDRESS
#define PR_GET_TID_ADDRESS 40
#endif

#define PAGE_BYTES_MOST 65536u /* on the supported machines */
#define SPARED_SHARE 64        /* one use may take 1/64 of a limit */
#define TABLE_BYTES (SEGMENT_PROCESS_BLOCKS * SEGMENT_BLOCK_ENTRIES * (uint64_t)ATTACHMENT_BYTES)

static const _Atomic uint64_t always_alive = 1;
static const char never_alone = 0;
static bool is_wiped; /* by the kernel, in a child */

struct shim shim = {.alive = &always_alive, .single_threaded = &never_alone};
/* On a page that the loader has already touched. */
long (*shim_libc_syscall)(long number, ...) __attribute__((section(".data")));
long (*shim_own_syscall)(long number, ...);
int (*shim_libc_clock_gettime)(int clock_id, void *timespec) __attribute__((section(".data")));
int (*shim_libc_setcanceltype)(int type, int *old_type);
void (*shim_libc_cleanup_push)(struct _pthread_cleanup_buffer *buffer, void (*routine)(void *),
			       void *argument);
void (*shim_libc_cleanup_pop)(struct _pthread_cleanup_buffer *buffer, int execute);

/* Private writable memory counts against the program's own limits, touched or not. */
static uint64_t spare_bytes(void)
{
	uint64_t data = sys_limit(RLIMIT_DATA), address = sys_limit(RLIMIT_AS);

	return (data < address ? data : address) / SPARED_SHARE;
}

/*
 * Maps the page that a child finds wiped, followed by the private table of attachments. Where the
 * kernel has no MADV_WIPEONFORK (before 4.14, or emulated), only pthread_atfork reports children.
 */
static bool shim_take_private_memory(void)
{
	uint64_t page = shim.page_bytes ? shim.page_bytes : PAGE_BYTES_MOST;
	uint64_t table = TABLE_BYTES < shim.spare_bytes ? TABLE_BYTES : shim.spare_bytes;
	long at = raw_call6(SYS_mmap, 0, (long)(page + table), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (raw_failed(at))
		return false;
	if (table >= page) /* else the table in the library is larger */
		attachments_set_memory((char *)at + page, table);
	is_wiped = raw_call3(SYS_madvise, at, (long)page, MADV_WIPEONFORK) == 0;
	shim.wiped = (_Atomic uint64_t *)at;
	return true;
}

/*
 * The kernel clears the thread id in libc's descriptor when a thread ends, so it knows its address.
 */
static long find_tid_offset(void)
{
	int32_t *address = NULL;
	long offset;

	if (raw_call3(SYS_prctl, PR_GET_TID_ADDRESS, (long)&address, 0) != 0 || !address)
		return 0;
	offset = (char *)address - thread_pointer();
	if (offset < -4096 || offset > 4096 || *address != raw_call3(SYS_gettid, 0, 0, 0))
		return 0;
	return offset;
}

/* glibc 2.35 and later register rseq for every thread, unless told not to. */
static long find_rseq_offset(const struct link_map *loader)
{
	const char *offset = libc_find_symbol(loader, "__rseq_offset").address;
	const char *size = libc_find_symbol(loader, "__rseq_size").address;

	if (!offset || !size || *(const unsigned *)size == 0)
		return 0;
	return *(const ptrdiff_t *)offset;
}

/* For the hooks of cancellation points. */
static void shim_find_cancellation(const struct link_map *libc)
{
	char *set = libc_find_symbol(libc, "pthread_setcanceltype").address;
	char *push = libc_find_symbol(libc, "_pthread_cleanup_push").address;
	char *pop = libc_find_symbol(libc, "_pthread_cleanup_pop").address;

	shim_libc_setcanceltype = (int (*)(int, int *))(void *)set;
	shim_libc_cleanup_push = (void (*)(struct _pthread_cleanup_buffer *, void (*)(void *),
					   void *))(void *)push;
	shim_libc_cleanup_pop = (void (*)(struct _pthread_cleanup_buffer *, int))(void *)pop;
}

static void shim_find_libc(const struct link_map *libc)
{
	const char *single = libc_find_symbol(libc, "__libc_single_threaded").address;

	shim_libc_syscall = (long (*)(long, ...))(void *)libc_find_symbol(libc, "syscall").address;
	shim_libc_clock_gettime =
		(int (*)(int, void *))(void *)libc_find_symbol(libc, "clock_gettime").address;
	shim_find_cancellation(libc);
	libc_find_text(libc, &shim.libc_text_begin, &shim.libc_text_end);
	shim.rseq_offset = find_rseq_offset(libc_find_map("ld-linux"));
	shim.tid_offset = find_tid_offset();
	if (single)
		shim.single_threaded = single;
}

/*
 * Whether the word is the parent's: the kernel did not wipe it. An emulator may claim to wipe it.
 */
static bool shim_word_is_parents(void)
{
	return !is_wiped || (word_accept(shim_wiped(WIPED_DONE)) && shim.process &&
			     shim.process->pid != raw_call3(SYS_getpid, 0, 0, 0));
}

/* A signal handler's hook may have registered the child already. */
static void shim_after_fork(void)
{
	if (shim_word_is_parents()) {
		word_store(shim_wiped(WIPED_DONE), 0);
		word_store(shim_wiped(WIPED_BEGUN), 0);
	}
	process_register();
	process_fork_is_over();
}

static void shim_at_exit(int status, void *unused)
{
	(void)unused;
	process_end(status);
}

/*
 * Registers handlers with libc, by libc's own names of these functions. The handlers of the shim
 * are registered before all others. So they run first in a child, and last at exit: the calls of
 * destructors and exit handlers are still recorded.
 */
static void shim_register_handlers(const struct link_map *libc)
{
	int (*atfork)(void (*)(void), void (*)(void), void (*)(void),
		      void *) = (int (*)(void (*)(void), void (*)(void), void (*)(void),
					 void *))(void *)libc_find_symbol(libc, "__register_atfork")
					.address;
	int (*onexit)(void (*)(int, void *), void *) = (int (*)(
		void (*)(int, void *), void *))(void *)libc_find_symbol(libc, "on_exit")
							       .address;

	if (atfork)
		atfork(process_fork_begins, process_fork_is_over, shim_after_fork, NULL);
	if (onexit)
		onexit(shim_at_exit, NULL);
}

/* What the kernel says about the program in its auxiliary vector, getauxval(3). */
struct auxiliary {
	bool is_secure; /* true unless AT_SECURE is 0 */
	unsigned id_count;
	unsigned long uid, euid, gid, egid;
};

static void auxiliary_take(struct auxiliary *word, const ElfW(auxv_t) * entry)
{
	unsigned long *id = entry->a_type == AT_UID    ? &word->uid
			    : entry->a_type == AT_EUID ? &word->euid
			    : entry->a_type == AT_GID  ? &word->gid
			    : entry->a_type == AT_EGID ? &word->egid
						       : NULL;

	if (id) {
		*id = entry->a_un.a_val;
		word->id_count++;
	}
	if (entry->a_type == AT_SECURE)
		word->is_secure = entry->a_un.a_val != 0;
	if (entry->a_type == AT_PAGESZ)
		shim.page_bytes = entry->a_un.a_val;
	if (entry->a_type == AT_BASE)
		shim.run_by_loader = entry->a_un.a_val == 0;
	if (entry->a_type == AT_PHDR)
		shim.program_headers = (const void *)entry->a_un.a_val;
	if (entry->a_type == AT_PHNUM)
		shim.program_header_count = (unsigned)entry->a_un.a_val;
}

/*
 * The vector follows the NULL of the environment. ld.so removes variables (TMPDIR, LD_LIBRARY_PATH)
 * from the environment of a secure program by moving the others down: each removed variable leaves
 * one more NULL. Read as AT_NULL, such a NULL would end the vector before AT_SECURE. A vector
 * without AT_SECURE proves nothing, so the program is taken to be secure.
 */
static void auxiliary_read(struct auxiliary *word, char **envp)
{
	const ElfW(auxv_t) * entry;

	*word = (struct auxiliary){.is_secure = true};
	while (*envp)
		envp++;
	while (!*envp)
		envp++;
	for (entry = (const void *)envp; entry->a_type != AT_NULL; entry++)
		auxiliary_take(word, entry);
	if (word->id_count != 4) {
		word->uid = (unsigned long)raw_call3(SYS_getuid, 0, 0, 0);
		word->euid = (unsigned long)raw_call3(SYS_geteuid, 0, 0, 0);
		word->gid = (unsigned long)raw_call3(SYS_getgid, 0, 0, 0);
		word->egid = (unsigned long)raw_call3(SYS_getegid, 0, 0, 0);
	}
}

/*
 * Whether the program has other rights than its caller: set-uid, set-gid, file capabilities, or
 * marked so by a security module.
 */
static bool auxiliary_is_secure(const struct auxiliary *word)
{
	return word->is_secure || word->uid != word->euid || word->gid != word->egid;
}

/*
 * Whether the shim was preloaded twice, from two places: the first in the loader's order is used.
 */
static bool shim_is_second_copy(void)
{
	const struct link_map *first = libc_find_map("libmemshim.so");

	return first && first->l_ld != _DYNAMIC;
}

/* syscall(2) then passes the numbers of mappings to hooks. */
static void shim_redirect(const struct settings *settings, const struct link_map *libc)
{
	bool mappings = shim.header->options & OPTION_ANONYMOUS;

	shim.coverage = settings->redirect && redirect_entries(libc, &mappings) ? COVERAGE_FULL
										: COVERAGE_CALLS;
	if (shim.coverage != COVERAGE_FULL || !mappings)
		return;
	shim.identity_flags |= PROCESS_ANONYMOUS;
	shim_own_syscall = shim_libc_syscall;
	shim_libc_syscall = syscall_of_mappings;
}

__attribute__((constructor)) static void shim_start(int argc, char **argv, char **envp)
{
	const struct link_map *libc = libc_find_map("libc.so.6");
	struct auxiliary word;
	struct settings settings;

	if (!libc || shim_is_second_copy()) /* another libc may not pass argc, argv and envp */
		return;
	shim_find_libc(libc);
	auxiliary_read(&word, envp);
	if (auxiliary_is_secure(&word))
		return;
	settings_read(&settings, envp);
	settings.self = (uid_t)word.euid;
	shim.spare_bytes = spare_bytes();
	if (settings.off || !shim_take_private_memory() || !session_join(&settings))
		return;
	shim.bad_settings = settings.bad_count;
	shim_redirect(&settings, libc);
	stack_set_up(libc, libc_find_map("ld-linux"));
	process_start(argc, argv);
	shim_register_handlers(libc);
}
