/* SPDX-License-Identifier: MIT */
/*
 * operations: calls about semaphore sets and queues, each with success and failure, and all ways to
 * give semctl its argument. Prints one line for each result that libc would not return.
 *
 * operations wait: prints "waits", and waits for a semaphore (3) and, in another thread, for a
 * message.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

struct message {
	long type;
	char text[8];
};

static int wrong;

static void check(const char *what, long result, long wanted, int error)
{
	if (result == wanted && (wanted >= 0 || errno == error))
		return;
	printf("%s: %ld, errno %d\n", what, result, errno);
	wrong = 1;
}

static void use_set(int semid)
{
	unsigned short values[3] = {1, 2, 3};
	struct semid_ds status;
	struct sembuf take = {0, -1, IPC_NOWAIT}, give = {0, 1, 0}, refused = {1, -9, IPC_NOWAIT};
	struct sembuf beyond = {9, -1, 0}, both[2] = {{0, -1, IPC_NOWAIT}, {1, -1, IPC_NOWAIT}};
	struct timespec soon = {0, 1000};

	check("SETALL", semctl(semid, 0, SETALL, (union semun){.array = values}), 0, 0);
	check("GETVAL", semctl(semid, 2, GETVAL), 3, 0);
	check("SETVAL", semctl(semid, 0, SETVAL, (union semun){.val = 2}), 0, 0);
	check("take", semop(semid, &take, 1), 0, 0);
	check("give", semop(semid, &give, 1), 0, 0);
	check("both", semop(semid, both, 2), 0, 0);
	check("GETPID", semctl(semid, 0, GETPID), getpid(), 0);
	check("refused", semop(semid, &refused, 1), -1, EAGAIN);
	check("beyond", semop(semid, &beyond, 1), -1, EFBIG);
	check("no memory", semop(semid, (void *)-8, 1), -1, EFAULT);
	refused.sem_flg = 0;
	check("timed", semtimedop(semid, &refused, 1, &soon), -1, EAGAIN);
	check("timed, beyond", semtimedop(semid, &beyond, 1, &soon), -1, EFBIG);
	check("by number", syscall(SYS_semtimedop, semid, &take, 1l, NULL), 0, 0);
	check("IPC_STAT", semctl(semid, 0, IPC_STAT, (union semun){.buf = &status}), 0, 0);
	check("nsems", (long)status.sem_nsems, 3, 0);
	status.sem_perm.mode = 0640;
	check("IPC_SET", semctl(semid, 0, IPC_SET, (union semun){.buf = &status}), 0, 0);
	check("GETALL", semctl(semid, 0, GETALL, (union semun){.array = values}), 0, 0);
	check("value", values[2], 3, 0);
	check("unknown", semctl(semid, 0, 4711), -1, EINVAL);
}

static void use_queue(int msqid)
{
	struct message message = {5, "hello"};
	struct msqid_ds status;

	check("send", msgsnd(msqid, &message, 6, 0), 0, 0);
	check("receive", msgrcv(msqid, &message, sizeof message.text, 5, IPC_NOWAIT), 6, 0);
	check("by number", syscall(SYS_msgsnd, msqid, &message, 6l, 0l), 0, 0);
	check("receive by number", syscall(SYS_msgrcv, msqid, &message, 8l, 0l, (long)IPC_NOWAIT),
	      6, 0);
	check("none", msgrcv(msqid, &message, 8, 0, IPC_NOWAIT), -1, ENOMSG);
	check("too long", msgsnd(msqid, &message, 1 << 24, 0), -1, EINVAL);
	check("IPC_STAT", msgctl(msqid, IPC_STAT, &status), 0, 0);
	status.msg_perm.mode = 0640;
	check("IPC_SET", msgctl(msqid, IPC_SET, &status), 0, 0);
}

static void *receive(void *msqid)
{
	struct message message;

	msgrcv(*(int *)msqid, &message, 8, 7, 0);
	return NULL;
}

static void wait_for_both(int semid, int msqid)
{
	struct sembuf take = {2, -1, 0};
	pthread_t thread;

	pthread_create(&thread, NULL, receive, &msqid);
	puts("waits");
	fflush(stdout);
	semop(semid, &take, 1);
}

int main(int argc, char **argv)
{
	int semid = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
	int msqid = msgget(0x4d53, IPC_CREAT | 0600);
	struct sembuf late = {0, -1, 0};

	if (argc > 1 && strcmp(argv[1], "wait") == 0)
		wait_for_both(semid, msqid);
	check("exists", msgget(0x4d53, IPC_CREAT | IPC_EXCL | 0600), -1, EEXIST);
	check("no such key", semget(0x4d54, 1, 0), -1, ENOENT);
	use_set(semid);
	use_queue(msqid);
	check("IPC_RMID", msgctl(msqid, IPC_RMID, NULL), 0, 0);
	check("IPC_RMID", semctl(semid, 0, IPC_RMID), 0, 0);
	check("removed", semop(semid, &late, 1), -1, EINVAL);
	return wrong;
}
