/* SPDX-License-Identifier: MIT */
#include "report/symbols/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "report/symbols/broker.h"
#include "report/symbols/resolve.h"
#include "report/symbols/sandbox.h"
#include "report/symbols/server.h"
#include "report/util/progress.h"
#include "report/util/trust.h"

#define POLL_MS 500              /* one wait counts no more: the reporter may have been stopped */
#define ANSWER_US 20000000ll     /* RLIMIT_CPU ends a child that does not sleep sooner */
#define ANSWER_LIVE_US 4000000ll /* while the live screen waits */
#define ALL_US 60000000ll        /* all answers of one report together */
#define ALL_LIVE_US 8000000ll
#define OPENS_MAX 1000 /* opened files for one answer */
#define REAP_MS 1000

struct symbol_child {
	const struct symbols_options *options;
	struct server *server;
	bool server_asked; /* server_open has been tried */
	pid_t pid;         /* 0: no child runs */
	int socket;
	unsigned starts;
	int64_t left_us;     /* for all answers */
	int64_t patience_us; /* for this one */
	unsigned opens;      /* files opened since the last answer */
	struct handed handed;
};

/* The time that the child may take to read so many bytes. */
static int64_t file_wait_us(uint64_t bytes)
{
	return (int64_t)(bytes * SANDBOX_WAIT_TIMES / (SANDBOX_BYTES_A_SECOND / 1000000));
}

static uint64_t symbol_child_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- start and end ---- */

struct symbol_child *symbol_child_make(const struct symbols_options *options)
{
	struct symbol_child *child = calloc(1, sizeof *child);

	if (!child)
		return NULL;
	child->options = options;
	child->socket = -1;
	child->left_us = options->live ? ALL_LIVE_US : ALL_US;
	return child;
}

unsigned symbol_child_number(const struct symbol_child *child)
{
	return child->pid ? child->starts : 0;
}

/* Waits one second at most: a child that reads from NFS may be in an uninterruptible sleep. */
static int symbol_child_reap(pid_t pid)
{
	const struct timespec pause = {0, 1000000};
	int status;

	for (int i = 0; i < REAP_MS; i++) {
		pid_t ended = waitpid(pid, &status, WNOHANG);

		if (ended == pid)
			return status;
		if (ended < 0 && errno != EINTR)
			return -1;
		nanosleep(&pause, NULL);
	}
	return -1;
}

/* Returns the status of wait(2), or -1: unknown. */
static int symbol_child_end(struct symbol_child *child)
{
	int status;

	close(child->socket);
	kill(child->pid, SIGKILL);
	status = symbol_child_reap(child->pid);
	child->pid = 0;
	child->socket = -1;
	return status;
}

void symbol_child_free(struct symbol_child *child)
{
	if (!child)
		return;
	if (child->pid)
		symbol_child_end(child);
	server_close(child->server);
	free(child);
}

static void symbol_child_find_server(struct symbol_child *child)
{
	if (child->server_asked)
		return;
	child->server_asked = true;
	if (child->options->debuginfod)
		child->server = server_open();
	else /* with the variable set, libdw would ask the servers without --debuginfod */
		unsetenv("DEBUGINFOD_URLS");
}

static bool symbol_child_start(struct symbol_child *child)
{
	int pair[2];

	symbol_child_find_server(child);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	child->pid = fork();
	if (child->pid == 0)
		resolve_serve(pair[1], child->options);
	close(pair[1]);
	if (child->pid < 0) {
		close(pair[0]);
		child->pid = 0;
		return false;
	}
	child->socket = pair[0];
	child->starts++;
	return true;
}

/* Ends the child, if it still runs, and finds out why it ended. */
static enum child_outcome symbol_child_learn_end(struct symbol_child *child,
						 enum child_outcome otherwise)
{
	const struct timespec pause = {0, 1000000};
	int status;

	/* The kernel closes the socket of an ending process before waitid(2) reports the end. */
	for (int i = 0; i < REAP_MS / 10 && otherwise == CHILD_BROKEN; i++) {
		siginfo_t info = {.si_pid = 0};

		if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
		    info.si_pid != 0)
			break;
		nanosleep(&pause, NULL);
	}
	status = symbol_child_end(child);
	if (otherwise != CHILD_BROKEN || status == -1)
		return otherwise;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
		return CHILD_SLOW;
	return WIFEXITED(status) && WEXITSTATUS(status) ? CHILD_LARGE : CHILD_BROKEN;
}

/* ---- questions ---- */

enum child_outcome symbol_child_ask(struct symbol_child *child, const struct question *question,
				    uint64_t *file_bytes)
{
	if (child->left_us <= 0)
		return CHILD_SPENT;
	if (!child->pid && !symbol_child_start(child))
		return CHILD_NONE;
	if (question->kind == QUESTION_MODULE)
		*file_bytes = 0;
	if (send(child->socket, question, sizeof *question, MSG_NOSIGNAL) == sizeof *question)
		return CHILD_ANSWERED;
	return symbol_child_learn_end(child, CHILD_BROKEN);
}

/* ---- files for the child ---- */

static bool symbol_child_send_handed(struct symbol_child *child, int fd)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {&child->handed, sizeof child->handed};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	memset(&control, 0, sizeof control);
	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof control;
		control.head = (struct cmsghdr){.cmsg_level = SOL_SOCKET,
						.cmsg_type = SCM_RIGHTS,
						.cmsg_len = CMSG_LEN(sizeof fd)};
		memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	}
	return sendmsg(child->socket, &message, MSG_NOSIGNAL) == sizeof child->handed;
}

static int symbol_child_fetch(struct symbol_child *child, const struct answer *wanted)
{
	char *path = NULL;
	int fd;

	child->handed.error = ENOENT;
	if (!child->server || wanted->build_id_bytes == 0 ||
	    wanted->build_id_bytes > BUILD_ID_MAX_BYTES ||
	    (wanted->server_file != SERVER_DEBUGINFO && wanted->server_file != SERVER_EXECUTABLE))
		return -1;
	fd = server_find(child->server, wanted->server_file, wanted->build_id,
			 wanted->build_id_bytes, wanted->text, &path);
	if (fd >= 0 && path && strlen(path) < sizeof child->handed.path) {
		child->handed.error = 0;
		strcpy(child->handed.path, path);
	} else if (fd >= 0) {
		close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

/* False when the reply cannot be sent. */
static bool symbol_child_hand_over(struct symbol_child *child, const struct answer *wanted,
				   uint64_t *file_bytes)
{
	bool sent;
	int fd;

	memset(&child->handed, 0, sizeof child->handed);
	if (wanted->kind == ANSWER_FETCH) {
		fd = symbol_child_fetch(child, wanted);
	} else {
		fd = regular_open(AT_FDCWD, wanted->text, 0);
		child->handed.error = fd < 0 ? errno : 0;
	}
	if (fd >= 0) {
		uint64_t bytes = broker_real_bytes(fd);

		*file_bytes += bytes;
		child->left_us += file_wait_us(bytes);
		child->patience_us += file_wait_us(bytes);
	}
	sent = symbol_child_send_handed(child, fd);
	if (fd >= 0)
		close(fd);
	return sent;
}

/* ---- answers ---- */

static bool answer_text_is_sound(const struct answer *answer)
{
	uint64_t used = 0;

	if (answer->text_bytes && answer->text[answer->text_bytes - 1] != '\0')
		return false;
	if (answer->kind != ANSWER_PLACES)
		return answer->kind == ANSWER_MODULE || answer->text_bytes > 0;
	for (uint32_t i = 0; i < answer->count; i++) {
		const uint32_t bytes[] = {answer->places[i].function_bytes,
					  answer->places[i].file_bytes};

		for (int which = 0; which < 2; which++) {
			used += bytes[which];
			if (used > answer->text_bytes ||
			    (bytes[which] && answer->text[used - 1] != '\0'))
				return false;
		}
	}
	return true;
}

static bool answer_is_sound(const struct answer *answer, ssize_t bytes)
{
	return bytes >= (ssize_t)ANSWER_HEAD_BYTES && answer->text_bytes <= ANSWER_TEXT_BYTES &&
	       (size_t)bytes == ANSWER_HEAD_BYTES + answer->text_bytes &&
	       answer->count <= FRAME_PLACES_MAX && (unsigned)answer->kind <= ANSWER_FETCH &&
	       (unsigned)answer->names <= NAMES_MISSING && answer_text_is_sound(answer);
}

/* Waits for the next message of the child. */
static enum child_outcome symbol_child_wait(struct symbol_child *child)
{
	struct pollfd ready = {child->socket, POLLIN, 0};

	while (child->patience_us > 0 && child->left_us > 0) {
		uint64_t begin_ns = symbol_child_clock_ns();
		int count = poll(&ready, 1, POLL_MS);
		int error = errno;
		int64_t waited_us = (int64_t)(symbol_child_clock_ns() - begin_ns) / 1000;

		progress_wait();
		waited_us = waited_us < POLL_MS * 1000 ? waited_us : POLL_MS * 1000;
		child->patience_us -= waited_us;
		child->left_us -= waited_us;
		if (count > 0)
			return CHILD_ANSWERED;
		if (count < 0 && error != EINTR)
			return CHILD_BROKEN;
	}
	return CHILD_SLOW;
}

static bool symbol_child_wants_file(struct symbol_child *child, const struct answer *answer)
{
	return (answer->kind == ANSWER_OPEN || answer->kind == ANSWER_FETCH) &&
	       child->opens++ < OPENS_MAX;
}

enum child_outcome symbol_child_receive(struct symbol_child *child, struct answer *answer,
					enum answer_kind kind, uint64_t *file_bytes)
{
	child->opens = 0;
	child->patience_us = (child->options->live ? ANSWER_LIVE_US : ANSWER_US) +
			     file_wait_us(*file_bytes);
	for (;;) {
		enum child_outcome outcome = symbol_child_wait(child);
		ssize_t bytes;

		if (outcome != CHILD_ANSWERED)
			return symbol_child_learn_end(child, outcome);
		bytes = recv(child->socket, answer, sizeof *answer, MSG_DONTWAIT);
		if (bytes < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (!answer_is_sound(answer, bytes))
			return symbol_child_learn_end(child, CHILD_BROKEN);
		if (answer->kind == kind)
			return CHILD_ANSWERED;
		if (!symbol_child_wants_file(child, answer) ||
		    !symbol_child_hand_over(child, answer, file_bytes))
			return symbol_child_learn_end(child, CHILD_BROKEN);
	}
}
