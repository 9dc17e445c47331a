/* SPDX-License-Identifier: MIT */
/*
 * ledger: reads one command in each line of standard input, applies it to a segment, and prints one
 * line as the answer.
 *
 *   get KEY SIZE FLAGS       shmget; the later commands use its id, which is also the answer
 *   use ID                   the later commands use this id
 *   at [ADDRESS [FLAGS]]     shmat; the answer is the address
 *   dt [ADDRESS]             shmdt; without an address, of the last attachment
 *   rm, stat                 shmctl: IPC_RMID, IPC_STAT
 *   set MODE [UID [GID]]     IPC_SET; an owner of 0 is not changed
 *   unmap                    munmap of the last attachment
 *   fork                     continues as the child, while the parent waits for it
 *   vforkdt                  a child of vfork detaches the last attachment
 *   break BYTES, above       sbrk; attaches right above the break
 *   uid UID                  changes its user
 *   exec PROGRAM, exit N, kill
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static int id = -1;
static void *last;
static struct shmid_ds facts;
static unsigned long one, two, three;

static void say(long value)
{
	char text[64];
	int length = value == -1 ? snprintf(text, sizeof text, "-1 errno %d\n", errno)
				 : snprintf(text, sizeof text, "%#lx\n", (unsigned long)value);

	if (write(1, text, (size_t)length) != length)
		_exit(9);
}

static long attach(void *address, int flags)
{
	void *at = shmat(id, address, flags);

	if (at != (void *)-1)
		last = at;
	return (long)at;
}

static long attach_above(void)
{
	uintptr_t page = 4096, at = ((uintptr_t)sbrk(0) + 2 * page - 1) & ~(page - 1);

	return attach((void *)at, 0);
}

static long set_mode(void)
{
	if (shmctl(id, IPC_STAT, &facts) != 0)
		return -1;
	facts.shm_perm.mode = (unsigned short)one;
	if (two)
		facts.shm_perm.uid = (uid_t)two;
	if (three)
		facts.shm_perm.gid = (gid_t)three;
	return shmctl(id, IPC_SET, &facts);
}

static long fork_and_be_the_child(void)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		return getpid();
	waitpid(child, &status, 0);
	_exit(0);
}

static long detach_in_vfork(void)
{
	pid_t child = vfork();
	int status;

	if (child == 0)
		_exit(shmdt(last) != 0);
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

static long do_word(const char *word, const char *rest)
{
	if (strcmp(word, "get") == 0)
		return id = shmget((key_t)one, two, (int)three);
	if (strcmp(word, "use") == 0)
		return id = (int)one;
	if (strcmp(word, "at") == 0)
		return attach((void *)one, (int)two);
	if (strcmp(word, "dt") == 0)
		return shmdt(one ? (void *)one : last);
	if (strcmp(word, "rm") == 0)
		return shmctl(id, IPC_RMID, NULL);
	if (strcmp(word, "stat") == 0)
		return shmctl(id, IPC_STAT, &facts);
	if (strcmp(word, "set") == 0)
		return set_mode();
	if (strcmp(word, "unmap") == 0)
		return munmap(last, 4096);
	if (strcmp(word, "fork") == 0)
		return fork_and_be_the_child();
	if (strcmp(word, "vforkdt") == 0)
		return detach_in_vfork();
	if (strcmp(word, "break") == 0)
		return (long)sbrk((intptr_t)one);
	if (strcmp(word, "above") == 0)
		return attach_above();
	if (strcmp(word, "uid") == 0)
		return setuid((uid_t)one);
	if (strcmp(word, "exec") == 0)
		return execl(rest, rest, "1", "wait", NULL);
	if (strcmp(word, "exit") == 0)
		_exit((int)one);
	return kill(getpid(), SIGKILL);
}

/* Without stdio: the next program would miss what stdio has read ahead. */
static int read_line(char *line, size_t size)
{
	size_t used = 0;

	while (used + 1 < size && read(0, line + used, 1) == 1 && line[used] != '\n')
		used++;
	line[used] = '\0';
	return used > 0;
}

int main(void)
{
	char line[512], word[16], rest[480];

	while (read_line(line, sizeof line)) {
		one = two = three = 0;
		rest[0] = '\0';
		sscanf(line, "%15s %479s", word, rest);
		sscanf(line, "%*s %li %li %li", (long *)&one, (long *)&two, (long *)&three);
		say(do_word(word, rest));
	}
	return 0;
}
