/* SPDX-License-Identifier: MIT */
/*
 * In a kernel without seccomp filters, the libraries open files directly. Then the child keeps its
 * user and capabilities, which it needs to read them, and only the limits restrict it.
 */
#include "report/symbols/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "report/symbols/broker.h"

#define NOBODY 65534u
#define SOCKET 3
#define MEMORY_BYTES (256ull << 20)
#define MEMORY_FOR_A_BYTE \
	8u /* of a file: its sections may be compressed, and libdw builds tables from them */
#define MEMORY_MOST_BYTES (64ull << 30)

static uint64_t memory_base_bytes; /* of the address space when the child began; 0 unknown */

/* ---- limits ---- */

static void sandbox_set_limit(int what, uint64_t soft, uint64_t hard)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)what, &limit) != 0)
		return;
	if (hard < limit.rlim_max)
		limit.rlim_max = hard;
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	setrlimit((__rlimit_resource_t)what, &limit);
}

static uint64_t address_space_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long pages = 0;

	if (file && fscanf(file, "%lu", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void sandbox_allow_bytes(uint64_t bytes)
{
	uint64_t more = bytes < MEMORY_MOST_BYTES / MEMORY_FOR_A_BYTE ? bytes * MEMORY_FOR_A_BYTE
								      : MEMORY_MOST_BYTES;

	sandbox_set_limit(RLIMIT_AS, memory_base_bytes + MEMORY_BYTES + more, RLIM_INFINITY);
}

void sandbox_allow_time(uint64_t bytes)
{
	uint64_t seconds = SANDBOX_LEAST_SECONDS + bytes / SANDBOX_BYTES_A_SECOND;
	struct rusage used;

	if (getrusage(RUSAGE_SELF, &used) == 0)
		seconds += (uint64_t)used.ru_utime.tv_sec + (uint64_t)used.ru_stime.tv_sec;
	sandbox_set_limit(RLIMIT_CPU, seconds, RLIM_INFINITY);
}

static void sandbox_set_limits(void)
{
	memory_base_bytes = address_space_bytes();
	sandbox_set_limit(RLIMIT_AS, memory_base_bytes + MEMORY_BYTES,
			  memory_base_bytes + MEMORY_BYTES + MEMORY_MOST_BYTES);
	sandbox_set_limit(RLIMIT_CORE, 0, 0);
	sandbox_set_limit(RLIMIT_FSIZE, 0, 0);
}

/* ---- descriptors and signals ---- */

static void sandbox_close_from(int first)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0u, 0) == 0)
		return;
#endif
	for (long fd = first, most = sysconf(_SC_OPEN_MAX); fd < most && fd < 1 << 20; fd++)
		close((int)fd);
}

static int sandbox_keep_only(int socket)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* First move both above 3, since 0 to 3 are overwritten below. */
	nowhere = nowhere < 0 ? -1 : fcntl(nowhere, F_DUPFD_CLOEXEC, SOCKET + 1);
	socket = fcntl(socket, F_DUPFD_CLOEXEC, SOCKET + 1);
	for (int fd = 0; fd <= 2; fd++)
		if (nowhere < 0 || dup2(nowhere, fd) < 0)
			close(fd);
	dup2(socket, SOCKET);
	sandbox_close_from(SOCKET + 1);
	return SOCKET;
}

/* The reporter's handlers act on the reporter's files and terminal. */
static void sandbox_reset_signals(void)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		sigaction(number, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* ---- rights ---- */

/* False in a user namespace that does not map NOBODY. */
static bool become_nobody(void)
{
	return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	       setresuid(NOBODY, NOBODY, NOBODY) == 0;
}

static void sandbox_drop_rights(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};

	if (geteuid() == 0 || getuid() == 0)
		(void)become_nobody();
	syscall(SYS_capset, &head, none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no ptrace(2) by other processes of that user */
}

/* ---- system calls ---- */

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#define REGISTER(context, n) ((context)->uc_mcontext.gregs[n])
#define RESULT(context) REGISTER(context, REG_RAX)
#define ARGUMENT_1(context) REGISTER(context, REG_RDI)
#define ARGUMENT_2(context) REGISTER(context, REG_RSI)
#define ARGUMENT_3(context) REGISTER(context, REG_RDX)
#else
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#define RESULT(context) ((context)->uc_mcontext.regs[0])
#define ARGUMENT_1(context) ((context)->uc_mcontext.regs[0])
#define ARGUMENT_2(context) ((context)->uc_mcontext.regs[1])
#define ARGUMENT_3(context) ((context)->uc_mcontext.regs[2])
#endif

#define READ_ONLY(flags) (((flags) & (O_ACCMODE | O_CREAT | O_DIRECTORY | O_PATH)) == O_RDONLY)

/*
 * libdw loads this library and some 30 others that it needs, even without DEBUGINFOD_URLS. The
 * child does not need it: the reporter asks the servers.
 */
static bool is_unwanted(const char *path)
{
	return strstr(path, "/libdebuginfod.so") != NULL;
}

static int open_for_library(const char *path)
{
	return is_unwanted(path) ? -ENOENT : broker_open(path);
}

/* The SIGSYS handler. A library called open(2) or openat(2): the reporter opens the file. */
static void sandbox_on_open(int number, siginfo_t *info, void *context_of_handler)
{
	ucontext_t *context = context_of_handler;
	int error = errno, fd = -EPERM;

	(void)number;
#ifdef SYS_open
	if (info->si_syscall == SYS_open && READ_ONLY(ARGUMENT_2(context)))
		fd = open_for_library((const char *)ARGUMENT_1(context));
#endif
	if (info->si_syscall == SYS_openat && READ_ONLY(ARGUMENT_3(context)) &&
	    ((int)ARGUMENT_1(context) == AT_FDCWD || *(const char *)ARGUMENT_2(context) == '/'))
		fd = open_for_library((const char *)ARGUMENT_2(context));
	RESULT(context) = (__typeof__(RESULT(context)))fd;
	errno = error;
}

#define NUMBER_IS(number, jump) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, (jump))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define ALLOW(number) NUMBER_IS(number, 1), ANSWER(SECCOMP_RET_ALLOW)
#define TRAP(number) NUMBER_IS(number, 1), ANSWER(SECCOMP_RET_TRAP)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

/* A system call that is not listed fails with EPERM. */
static struct sock_filter filter[] = {
	LOAD(arch),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
	LOAD(nr),
#ifdef SYS_open
	TRAP(SYS_open),
	ALLOW(SYS_stat),
	ALLOW(SYS_lstat),
	ALLOW(SYS_access),
	ALLOW(SYS_readlink),
	ALLOW(SYS_poll),
	ALLOW(SYS_time),
#endif
	TRAP(SYS_openat),
	ALLOW(SYS_read),
	ALLOW(SYS_pread64),
	ALLOW(SYS_readv),
	ALLOW(SYS_lseek),
	ALLOW(SYS_close),
	ALLOW(SYS_fstat),
	ALLOW(SYS_newfstatat),
	ALLOW(SYS_statx),
	ALLOW(SYS_faccessat),
	ALLOW(SYS_readlinkat),
	ALLOW(SYS_getcwd),
	ALLOW(SYS_write), /* only the socket and /dev/null are writable */
	ALLOW(SYS_sendto),
	ALLOW(SYS_recvfrom),
	ALLOW(SYS_recvmsg),
	ALLOW(SYS_mmap),
	ALLOW(SYS_munmap),
	ALLOW(SYS_mremap),
	ALLOW(SYS_mprotect),
	ALLOW(SYS_madvise),
	ALLOW(SYS_brk),
	ALLOW(SYS_futex),
	ALLOW(SYS_rt_sigreturn),
	ALLOW(SYS_rt_sigprocmask),
	ALLOW(SYS_rt_sigaction),
	ALLOW(SYS_sigaltstack),
	ALLOW(SYS_restart_syscall),
	ALLOW(SYS_sched_yield),
	ALLOW(SYS_clock_gettime),
	ALLOW(SYS_gettimeofday),
	ALLOW(SYS_getrandom),
	ALLOW(SYS_sysinfo), /* qsort(3) asks for the size of memory */
	ALLOW(SYS_uname),
	ALLOW(SYS_getpid),
	ALLOW(SYS_gettid),
	ALLOW(SYS_getuid),
	ALLOW(SYS_geteuid),
	ALLOW(SYS_getgid),
	ALLOW(SYS_getegid),
	ALLOW(SYS_getrusage),
	ALLOW(SYS_getrlimit),
	ALLOW(SYS_setrlimit),
	ALLOW(SYS_exit),
	ALLOW(SYS_exit_group),
	NUMBER_IS(SYS_prlimit64, 3), /* only of the calling process */
	LOAD(args[0]),
	NUMBER_IS(0, 1),
	ANSWER(SECCOMP_RET_ALLOW),
	ANSWER(SECCOMP_RET_ERRNO | EPERM),
};

static bool sandbox_can_filter(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) != 0 && errno == EFAULT;
}

static void sandbox_filter_calls(void)
{
	struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
	struct sigaction action = {.sa_sigaction = sandbox_on_open,
				   .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSYS, &action, NULL);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

int sandbox_enter(int socket)
{
	sandbox_reset_signals();
	socket = sandbox_keep_only(socket);
	sandbox_set_limits();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (sandbox_can_filter()) {
		sandbox_drop_rights();
		sandbox_filter_calls();
	}
	return socket;
}
