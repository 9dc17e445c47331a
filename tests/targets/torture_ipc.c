/* SPDX-License-Identifier: MIT */
/*
 * Operations on a semaphore set and a queue at difficult moments. Prints how many were successful
 * and how many a signal interrupted. Exits with 1 when a result is wrong.
 *
 * torture_ipc interrupted COUNT: a signal every 200 microseconds; its handler operates as well.
 * torture_ipc cancelled ROUNDS: threads are cancelled in msgrcv and msgsnd, of libc and by symbol.
 * torture_ipc forked ROUNDS: forks while threads wait in semop and msgrcv.
 * torture_ipc threads COUNT: 16 threads operate at once.
 * torture_ipc sets COUNT: creates, uses and removes sets, one after the other.
 * torture_ipc kept COUNT: creates as many sets, uses them, and removes them.
 * torture_ipc wait semop|semtimedop|msgsnd|msgrcv: waits until it is killed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 16

struct message {
	long type;
	char text[64];
};

static int set, queue;
static _Atomic long ok, interrupted, wrong;
static volatile long ran;

static long count(long ret)
{
	if (ret >= 0)
		ok++;
	else if (errno == EINTR)
		interrupted++;
	else
		wrong++;
	return ret;
}

static long operate(int semnum, int op)
{
	struct sembuf operation = {(unsigned short)semnum, (short)op, 0};

	return count(semop(set, &operation, 1));
}

static long send_message(long type)
{
	struct message message = {.type = type};

	return count(msgsnd(queue, &message, sizeof message.text, 0));
}

static long receive_message(long type)
{
	struct message message;

	return count(msgrcv(queue, &message, sizeof message.text, type, 0));
}

/* ---- interrupted ---- */

static void operate_in_handler(int signal)
{
	int error = errno;

	(void)signal;
	operate(0, 1);
	operate(0, -1);
	send_message(2);
	receive_message(2);
	operate(1, 1); /* lets the interrupted thread continue */
	ran++;
	errno = error;
}

/* The handler of the signal that interrupts a wait also ends it. */
static void be_interrupted(long wanted)
{
	struct itimerval timer = {{0, 200}, {0, 200}};
	long outside = 0;

	signal(SIGALRM, operate_in_handler);
	setitimer(ITIMER_REAL, &timer, NULL);
	while (ran < wanted || outside < wanted) {
		while (operate(1, -1) < 0)
			;
		while (send_message(1) < 0)
			;
		while (receive_message(1) < 0)
			;
		outside++;
	}
	memset(&timer, 0, sizeof timer);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* ---- cancelled ---- */

static ssize_t (*receive)(int msqid, void *message, size_t size, long type, int flags);
static int (*transmit)(int msqid, const void *message, size_t size, int flags);
static _Atomic int cleaned, entered; /* the thread's id */

static void clean_up(void *unused)
{
	(void)unused;
	cleaned++;
}

static void *wait_for_message(void *is_sender)
{
	struct message message = {.type = 4};

	pthread_cleanup_push(clean_up, NULL);
	entered = (int)syscall(SYS_gettid);
	if (is_sender)
		transmit(queue, &message, sizeof message.text, 0);
	else
		receive(queue, &message, sizeof message.text, 3, 0);
	wrong++; /* nobody sends a message of type 3, and the queue is full */
	pthread_cleanup_pop(0);
	return NULL;
}

/* A thread that must not be cancelled now: receives its message, and is cancelled afterwards. */
static void *wait_shielded(void *unused)
{
	struct message message;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	entered = (int)syscall(SYS_gettid);
	if (receive(queue, &message, sizeof message.text, 5, 0) != sizeof message.text)
		wrong++;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_testcancel();
	wrong++;
	return unused;
}

/* Waits until the thread is in a system call that is a wait for a message, or for room. */
static void wait_for_wait(void)
{
	char path[64], text[32];
	long number = 0;

	snprintf(path, sizeof path, "/proc/self/task/%d/syscall", entered);
	while (number != SYS_msgrcv && number != SYS_msgsnd) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t length = read(fd, text, sizeof text - 1);

		close(fd);
		if (length <= 0)
			exit(4);
		text[length] = '\0';
		number = strtol(text, NULL, 10);
		sched_yield();
	}
}

static void cancel_one(void *(*routine)(void *), void *argument, int cleans, int early)
{
	pthread_t thread;
	void *result;

	cleaned = entered = 0;
	if (pthread_create(&thread, NULL, routine, argument) != 0)
		exit(3);
	while (!entered)
		sched_yield();
	if (!early) /* else it may be cancelled before the system call */
		wait_for_wait();
	pthread_cancel(thread);
	if (routine == wait_shielded) {
		struct message message = {.type = 5};

		msgsnd(queue, &message, sizeof message.text, 0);
	}
	pthread_join(thread, &result);
	wrong += result != PTHREAD_CANCELED || cleaned != cleans;
}

static void fill_queue(void)
{
	struct message message = {.type = 6};

	while (msgsnd(queue, &message, sizeof message.text, IPC_NOWAIT) == 0)
		;
}

static void be_cancelled(long rounds)
{
	void *libc = dlopen("libc.so.6", RTLD_NOW);

	for (long i = 0; i < rounds; i++) {
		struct message message;

		receive = i % 2 ? msgrcv
				: (ssize_t(*)(int, void *, size_t, long, int))dlsym(libc, "msgrcv");
		transmit = i % 2 ? msgsnd
				 : (int (*)(int, const void *, size_t, int))dlsym(libc, "msgsnd");
		cancel_one(wait_for_message, NULL, 1, i % 4 < 2);
		cancel_one(wait_shielded, NULL, 0, i % 4 < 2);
		fill_queue();
		cancel_one(wait_for_message, &message, 1, i % 4 < 2);
		while (msgrcv(queue, &message, sizeof message.text, 6, IPC_NOWAIT) >= 0)
			;
		wrong += errno != ENOMSG;
	}
}

/* ---- forked, threads ---- */

static void *wait_in_semop(void *unused)
{
	operate(2, -1);
	return unused;
}

static void *wait_in_msgrcv(void *unused)
{
	receive_message(7);
	return unused;
}

static void fork_amid_waits(long rounds)
{
	for (long i = 0; i < rounds; i++) {
		pthread_t threads[2];
		int status = 1;
		pid_t child;

		pthread_create(&threads[0], NULL, wait_in_semop, NULL);
		pthread_create(&threads[1], NULL, wait_in_msgrcv, NULL);
		while (semctl(set, 2, GETNCNT) == 0)
			sched_yield();
		child = fork();
		if (child == 0) {
			operate(2, 1); /* ends the wait of its parent's thread */
			send_message(7);
			_exit(wrong != 0);
		}
		wrong += waitpid(child, &status, 0) != child || status != 0;
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
		ok += 2; /* of the child */
	}
}

static long operations_each;

static void *operate_often(void *unused)
{
	for (long i = 0; i < operations_each; i++) {
		operate(0, 1);
		operate(0, -1);
		send_message(8);
		receive_message(8);
	}
	return unused;
}

static void run_threads(long each)
{
	pthread_t threads[THREADS];

	operations_each = each;
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, operate_often, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* ---- sets, wait ---- */

static void make_sets(long wanted)
{
	int mine = set;

	for (long i = 0; i < wanted; i++) {
		set = semget(IPC_PRIVATE, 1, 0600);
		operate(0, 1);
		wrong += set < 0 || semctl(set, 0, IPC_RMID) != 0;
	}
	set = mine;
}

static void keep_sets(long wanted)
{
	int mine = set, *sets = calloc((size_t)wanted, sizeof *sets);

	for (long i = 0; i < wanted; i++)
		wrong += (sets[i] = semget(IPC_PRIVATE, 1, 0600)) < 0;
	for (long i = 0; i < wanted; i++) {
		set = sets[i];
		operate(0, 1);
	}
	for (long i = 0; i < wanted; i++)
		wrong += semctl(sets[i], 0, IPC_RMID) != 0;
	free(sets);
	set = mine;
}

static void wait_in(const char *call)
{
	struct sembuf down = {1, -1, 0};
	struct timespec hour = {3600, 0};
	struct message message = {.type = 9};

	fill_queue();
	puts("waits");
	fflush(stdout);
	if (strcmp(call, "semop") == 0)
		semop(set, &down, 1);
	else if (strcmp(call, "semtimedop") == 0)
		semtimedop(set, &down, 1, &hour);
	else if (strcmp(call, "msgsnd") == 0)
		msgsnd(queue, &message, sizeof message.text, 0);
	else
		msgrcv(queue, &message, sizeof message.text, -5, 0);
	wrong++;
}

int main(int argc, char **argv)
{
	long number = argc > 2 ? strtol(argv[2], NULL, 10) : 1;
	const char *what = argc > 1 ? argv[1] : "";

	set = semget(IPC_PRIVATE, 3, 0600);
	queue = msgget(IPC_PRIVATE, 0600);
	if (strcmp(what, "interrupted") == 0)
		be_interrupted(number);
	else if (strcmp(what, "cancelled") == 0)
		be_cancelled(number);
	else if (strcmp(what, "forked") == 0)
		fork_amid_waits(number);
	else if (strcmp(what, "threads") == 0)
		run_threads(number);
	else if (strcmp(what, "sets") == 0)
		make_sets(number);
	else if (strcmp(what, "kept") == 0)
		keep_sets(number);
	else
		wait_in(argc > 2 ? argv[2] : "");
	printf("ok %ld, interrupted %ld, wrong %ld\n", ok, interrupted, wrong);
	wrong += semctl(set, 0, IPC_RMID) != 0 || msgctl(queue, IPC_RMID, NULL) != 0;
	return wrong != 0;
}
