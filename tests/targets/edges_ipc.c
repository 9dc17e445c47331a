/* SPDX-License-Identifier: MIT */
/*
 * edges_ipc: as edges, with the functions of semaphore sets and message queues. Needs an IPC
 * namespace of its own.
 */
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/targets/say.h"

static void try_semget(void)
{
	int key = FIRST_KEY, id;

	SAY_NUMBER(semget(key, 1, 0));
	SAY_NUMBER(semget(key, 0, IPC_CREAT | 0600));
	SAY_NUMBER(semget(key, -1, IPC_CREAT | 0600));
	SAY_NUMBER(semget(key, INT_MAX, IPC_CREAT | 0600));
	SAY_NUMBER(semget(key, 3, IPC_CREAT | 0600) >= 0);
	SAY_NUMBER((id = semget(key, 0, 0)) >= 0);
	SAY_NUMBER(semget(key, 3, IPC_CREAT | IPC_EXCL | 0600));
	SAY_NUMBER(semget(key, 4, 0));
	SAY_NUMBER(semget(key, 2, 0x7f000000 | 0600) == id);
	SAY_NUMBER(semctl(id, 0, IPC_RMID));
	SAY_NUMBER(semctl(id, 0, IPC_RMID));
	SAY_NUMBER(semget(key, 1, 0));
}

/* Every command, with the fourth argument that it takes, and with none where it takes none. */
static void try_semctl(void)
{
	int id = semget(IPC_PRIVATE, 3, 0640);
	unsigned short values[3] = {4, 5, 6};
	struct semid_ds facts;
	struct seminfo info;

	memset(&facts, 0, sizeof facts);
	SAY_NUMBER(semctl(id, 1, SETVAL, 7));
	SAY_NUMBER(semctl(id, 1, GETVAL));
	SAY_NUMBER(semctl(id, 1, SETVAL, 1 << 20));
	SAY_NUMBER(semctl(id, 3, SETVAL, 1));
	SAY_NUMBER(semctl(id, -1, GETVAL));
	SAY_NUMBER(semctl(id, 0, SETALL, values));
	values[2] = 0;
	SAY_NUMBER(semctl(id, 0, GETALL, values));
	SAY("values %d %d %d\n", values[0], values[1], values[2]);
	SAY_NUMBER(semctl(id, 0, GETALL, NULL));
	SAY_NUMBER(semctl(id, 2, GETPID) == getpid());
	SAY_NUMBER(semctl(id, 2, GETNCNT));
	SAY_NUMBER(semctl(id, 2, GETZCNT));
	SAY_NUMBER(semctl(id, 0, IPC_STAT, &facts));
	SAY("mode %o, %lu semaphores\n", facts.sem_perm.mode, (unsigned long)facts.sem_nsems);
	SAY_NUMBER(semctl(id, 0, IPC_STAT, NULL));
	SAY_NUMBER(semctl(id, 0, IPC_SET, (void *)1));
	facts.sem_perm.mode = 0600;
	SAY_NUMBER(semctl(id, 0, IPC_SET, &facts));
	SAY_NUMBER(semctl(0, 0, IPC_INFO, &info) >= 0);
	SAY_NUMBER(semctl(0, 0, SEM_INFO, &info) >= 0);
	SAY_NUMBER(semctl(-1, 0, SEM_STAT, &facts));
	SAY_NUMBER(semctl(-1, 0, SEM_STAT_ANY, &facts));
	SAY_NUMBER(semctl(-1, 0, GETVAL));
	SAY_NUMBER(semctl(id, 0, 9999));
	SAY_NUMBER(semctl(id, 0, -1));
	SAY_NUMBER(semctl(id, 0, IPC_RMID | 0x100));
	SAY_NUMBER(semctl(id, 0, IPC_RMID));
}

static void try_semop(void)
{
	int id = semget(IPC_PRIVATE, 2, 0600);
	struct sembuf up = {0, 2, 0}, down = {0, -1, IPC_NOWAIT}, zero = {1, 0, 0};
	struct sembuf far = {9, 1, 0}, undo = {1, 1, SEM_UNDO}, much = {1, 32767, 0};
	struct sembuf two[2] = {{0, -1, 0}, {1, -1, IPC_NOWAIT}}, wait = {1, -1, 0};
	struct timespec short_time = {0, 1000}, wrong_time = {-1, 0};

	SAY_NUMBER(semop(id, &up, 1));
	SAY_NUMBER(semop(id, &down, 1));
	SAY_NUMBER(semop(id, two, 2));
	SAY_NUMBER(semctl(id, 0, GETVAL));
	SAY_NUMBER(semop(id, &zero, 1));
	SAY_NUMBER(semop(id, &undo, 1));
	SAY_NUMBER(semop(id, &much, 1));
	SAY_NUMBER(semop(id, &far, 1));
	SAY_NUMBER(semop(id, &up, 0));
	SAY_NUMBER(semop(id, &up, 1 << 20));
	SAY_NUMBER(semop(id, &up, SIZE_MAX));
	SAY_NUMBER(semop(id, NULL, 1));
	SAY_NUMBER(semop(id, (void *)-8, 1));
	SAY_NUMBER(semop(-1, &up, 1));
	SAY_NUMBER(semtimedop(id, &wait, 1, NULL));
	SAY_NUMBER(semtimedop(id, &wait, 1, &short_time));
	SAY_NUMBER(semtimedop(id, &wait, 1, &wrong_time));
	SAY_NUMBER(semtimedop(id, &wait, 1, (void *)8));
	SAY_NUMBER(semctl(id, 0, IPC_RMID));
	SAY_NUMBER(semop(id, &up, 1));
	SAY_NUMBER(semtimedop(id, &up, 1, NULL));
}

static void try_queue(void)
{
	int key = FIRST_KEY, id;
	struct msqid_ds facts;
	struct msginfo info;
	struct {
		long type;
		char text[16];
	} message = {3, "text"};

	memset(&facts, 0, sizeof facts);
	SAY_NUMBER(msgget(key, 0));
	SAY_NUMBER(msgget(key, IPC_CREAT | 0640) >= 0);
	SAY_NUMBER((id = msgget(key, 0x7f000000)) >= 0);
	SAY_NUMBER(msgget(key, IPC_CREAT | IPC_EXCL | 0600));
	SAY_NUMBER(msgsnd(id, &message, 5, 0));
	SAY_NUMBER(msgsnd(id, &message, 0, IPC_NOWAIT));
	SAY_NUMBER(msgsnd(id, &message, SIZE_MAX, 0));
	SAY_NUMBER(msgsnd(id, NULL, 5, 0));
	SAY_NUMBER(msgrcv(id, &message, 2, 0, 0));
	SAY_NUMBER(msgrcv(id, &message, 2, 0, MSG_NOERROR));
	SAY_NUMBER(msgrcv(id, &message, sizeof message.text, -3, 0));
	SAY_NUMBER(msgrcv(id, &message, sizeof message.text, 0, IPC_NOWAIT));
	SAY_NUMBER(msgrcv(id, &message, SIZE_MAX, 0, IPC_NOWAIT));
	message.type = 0;
	SAY_NUMBER(msgsnd(id, &message, 5, 0));
	SAY_NUMBER(msgctl(id, IPC_STAT, &facts));
	SAY("mode %o, %lu messages\n", facts.msg_perm.mode, (unsigned long)facts.msg_qnum);
	facts.msg_perm.mode = 0600;
	facts.msg_qbytes = 4;
	SAY_NUMBER(msgctl(id, IPC_SET, &facts));
	message.type = 1;
	SAY_NUMBER(msgsnd(id, &message, 5, IPC_NOWAIT));
	SAY_NUMBER(msgctl(id, IPC_SET, NULL));
	SAY_NUMBER(msgctl(0, IPC_INFO, (struct msqid_ds *)&info) >= 0);
	SAY_NUMBER(msgctl(0, MSG_INFO, (struct msqid_ds *)&info) >= 0);
	SAY_NUMBER(msgctl(-1, MSG_STAT, &facts));
	SAY_NUMBER(msgctl(id, 9999, NULL));
	SAY_NUMBER(msgctl(id, IPC_RMID, NULL));
	SAY_NUMBER(msgctl(id, IPC_RMID, NULL));
	SAY_NUMBER(msgsnd(id, &message, 5, 0));
	SAY_NUMBER(msgrcv(id, &message, 5, 0, 0));
	SAY_NUMBER(msgrcv(-1, &message, 5, 0, 0));
}

static void try_syscall(void)
{
	struct sembuf up = {0, 1, 0};
	long message[2] = {1, 0};
	long id;

	SAY_NUMBER((id = syscall(SYS_semget, IPC_PRIVATE, 1, 0600)) >= 0);
	SAY_NUMBER(syscall(SYS_semop, id, &up, 1));
	SAY_NUMBER(syscall(SYS_semtimedop, id, &up, 1, NULL));
	SAY_NUMBER(syscall(SYS_semctl, id, 0, GETVAL, 0));
	SAY_NUMBER(syscall(SYS_semctl, id, 0, 9999, 0));
	SAY_NUMBER(syscall(SYS_semctl, id, 0, IPC_RMID, 0));
	SAY_NUMBER(syscall(SYS_semop, id, &up, 1));
	SAY_NUMBER((id = syscall(SYS_msgget, IPC_PRIVATE, 0600)) >= 0);
	SAY_NUMBER(syscall(SYS_msgsnd, id, message, 5, 0));
	SAY_NUMBER(syscall(SYS_msgrcv, id, message, 8, 0, 0));
	SAY_NUMBER(syscall(SYS_msgctl, id, IPC_RMID, NULL));
	SAY_NUMBER(syscall(SYS_msgsnd, id, message, 5, 0));
}

int main(void)
{
	try_semget();
	try_semctl();
	try_semop();
	try_queue();
	try_syscall();
	return 42;
}
