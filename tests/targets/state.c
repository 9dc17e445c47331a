/* SPDX-License-Identifier: MIT */
/*
 * state [FD]: prints all that a program finds when it starts: descriptors, environment, limits,
 * signals, and what else it inherits. Leaves out what any preloaded library changes (LD_PRELOAD,
 * MEMSHIM_*), and what differs from run to run. Prints to descriptor FD.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

extern char **environ;
static FILE *out;

static void show_descriptors(void)
{
	for (int fd = 0; fd < 4096; fd++) {
		char link[64], path[4096];
		ssize_t used;

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		used = readlink(link, path, sizeof path - 1);
		path[used < 0 ? 0 : used] = '\0';
		if (path[0] != '/')
			path[strcspn(path, ":")] = '\0'; /* a pipe's number */
		fprintf(out, "fd %d: %s, flags %#x %#x, at %ld\n", fd, path, fcntl(fd, F_GETFD),
			fcntl(fd, F_GETFL), (long)lseek(fd, 0, SEEK_CUR));
	}
}

static void show_environment(void)
{
	for (char **entry = environ; *entry; entry++)
		if (strncmp(*entry, "LD_PRELOAD=", 11) != 0 && strncmp(*entry, "MEMSHIM_", 8) != 0)
			fprintf(out, "env %s\n", *entry);
}

static void show_limits(void)
{
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit limit;

		getrlimit((__rlimit_resource_t)i, &limit);
		fprintf(out, "limit %d: %ju %ju\n", i, (uintmax_t)limit.rlim_cur,
			(uintmax_t)limit.rlim_max);
	}
}

static void show_signals(void)
{
	struct sigaction action;
	stack_t stack;
	sigset_t mask, pending;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	sigpending(&pending);
	for (int i = 1; i <= SIGRTMAX; i++) {
		if (sigaction(i, NULL, &action) != 0)
			continue;
		if (action.sa_handler != SIG_DFL || action.sa_flags || sigismember(&mask, i) ||
		    sigismember(&pending, i))
			fprintf(out, "signal %d: %s, flags %#x, blocked %d, pending %d\n", i,
				action.sa_handler == SIG_IGN   ? "ignored"
				: action.sa_handler == SIG_DFL ? "default"
							       : "handled",
				(unsigned)action.sa_flags, sigismember(&mask, i),
				sigismember(&pending, i));
	}
	sigaltstack(NULL, &stack);
	fprintf(out, "signal stack: %p %zu %d\n", stack.ss_sp, stack.ss_size, stack.ss_flags);
}

/* The lines of /proc/self/status that no other call returns. */
static void show_status(void)
{
	static const char *const wanted[] = {
		"Threads:",   "Cap",  "NoNewPrivs:", "Seccomp:",    "Groups:",
		"TracerPid:", "Uid:", "Gid:",        "CoreDumping:"};
	char line[4096];
	FILE *status = fopen("/proc/self/status", "r");

	while (status && fgets(line, sizeof line, status))
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
			if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
				fputs(line, out);
	if (status)
		fclose(status);
}

static void show_rest(void)
{
	char name[16], folder[4096];
	struct itimerval timer;
	cpu_set_t cpus;
	int value = 0;

	fprintf(out, "cwd %s\n", getcwd(folder, sizeof folder));
	fprintf(out, "umask %o\n", umask(0));
	fprintf(out, "group %d, session %d\n", (int)getpgrp(), (int)getsid(0));
	fprintf(out, "nice %d, scheduler %d\n", getpriority(PRIO_PROCESS, 0),
		sched_getscheduler(0));
	sched_getaffinity(0, sizeof cpus, &cpus);
	fprintf(out, "cpus %d\n", CPU_COUNT(&cpus));
	getitimer(ITIMER_REAL, &timer);
	fprintf(out, "timer %ld.%06ld\n", (long)timer.it_value.tv_sec,
		(long)timer.it_value.tv_usec);
	prctl(PR_GET_NAME, name);
	fprintf(out, "name %s\n", name);
	prctl(PR_GET_PDEATHSIG, &value);
	fprintf(out, "death signal %d, dumpable %d, ", value, prctl(PR_GET_DUMPABLE));
	prctl(PR_GET_CHILD_SUBREAPER, &value);
	fprintf(out, "subreaper %d, keeps capabilities %d, huge pages %d, slack %d\n", value,
		prctl(PR_GET_KEEPCAPS), prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0),
		prctl(PR_GET_TIMERSLACK));
	fprintf(out, "personality %#x\n", (unsigned)personality(0xffffffff));
}

int main(int argc, char **argv)
{
	int error = errno;

	out = argc > 1 ? fdopen(atoi(argv[1]), "w") : stdout;
	fprintf(out, "errno %d, %d arguments, break at %#lx in its page\n", error, argc,
		(unsigned long)sbrk(0) & 4095);
	show_descriptors();
	show_environment();
	show_limits();
	show_signals();
	show_status();
	show_rest();
	return 7;
}
