/* SPDX-License-Identifier: MIT */
#include "report/recorder/signals.h"

#include <sys/signalfd.h>
#include <unistd.h>

/* Not forwarded: signals that stop or continue, and those of a fault in the recorder itself. */
static bool is_passed_on(int number)
{
	static const int kept[] = {SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGSEGV,
				   SIGBUS,  SIGFPE,  SIGILL,  SIGTRAP, SIGABRT, SIGSYS,  SIGURG};

	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		if (kept[i] == number)
			return false;
	return true;
}

int signals_catch(sigset_t *old_mask, struct sigaction *old_child_action)
{
	/* If the caller ignored SIGCHLD, the kernel would discard COMMAND's exit status. */
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t mask;

	sigemptyset(&mask);
	/* sigaddset refuses the signals that libc keeps for itself. */
	for (int number = 1; number <= SIGRTMAX; number++)
		if (is_passed_on(number))
			sigaddset(&mask, number);
	if (sigaction(SIGCHLD, &plain, old_child_action) != 0 ||
	    sigprocmask(SIG_BLOCK, &mask, old_mask) != 0)
		return -1;
	return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool signals_pass_on(int fd, pid_t command)
{
	struct signalfd_siginfo info;
	bool ends = false;

	while (read(fd, &info, sizeof info) == sizeof info) {
		int number = (int)info.ssi_signo;

		ends |= number == SIGINT || number == SIGQUIT || number == SIGTERM ||
			number == SIGHUP;
		/* Do not forward SIGCHLD, SIGPIPE and SIGXFSZ: they are the recorder's own. */
		if (number == SIGCHLD || number == SIGPIPE || number == SIGXFSZ ||
		    number == SIGWINCH)
			continue;
		if (command > 0 && info.ssi_code != SI_KERNEL)
			kill(command, number);
	}
	return ends;
}
