/* SPDX-License-Identifier: MIT */
/*
 * Measures one call: libc's entry, which a preloaded library may have replaced, against the same
 * bare system call, which no library can replace. Batches of the two take turns in one process: a
 * disturbance of the machine affects both, and the median of the pairs' differences resolves a few
 * ns.
 *
 *   calls WORKLOAD PAIRS WARM_CALLS CPU [BESIDE_CPU]
 *
 * Prints the medians of a bare batch, of an entry batch and of the differences, in ns per call.
 * WARM_CALLS are made first, so that all pages of a log have been touched. With BESIDE_CPU, a
 * second process makes the same calls through libc on that CPU without a pause.
 */
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/common/raw.h"
#include "tests/bench/bench.h"
#include "tests/bench/maps.h"

#define STEP_BYTES 4096
#define SEGMENT_BYTES 4096

/* Whether the tracer of a preloaded library is active; see liblttng.c. */
int bench_is_traced(void) __attribute__((weak));

static char *start_break;
static int shmid = -1, semid = -1, msqid = -1;

/* ---- one unit of each workload, bare and through libc ---- */

/*
 * In a function of its own, as in libc: the first return after a long system call is predicted or
 * not by where the code happens to lie, which makes a difference of up to 100 ns. With the same
 * number of returns on either side, the two differ by 2 ns in every process. A call that is inlined
 * here differs by 10 ns in one process and by 100 ns in the next.
 */
__attribute__((noinline)) static long bare_call(long number, long a, long b, long c)
{
	long ret = raw_call3(number, a, b, c);

	__asm__ volatile("" : "+r"(ret)::"memory");
	return ret;
}

/* libc's sbrk calls its brk. */
__attribute__((noinline)) static long bare_move(char *to)
{
	long ret = bare_call(SYS_brk, (long)to, 0, 0);

	__asm__ volatile("" : "+r"(ret)::"memory");
	return ret;
}

static void sbrk_bare(void)
{
	bare_move(start_break + STEP_BYTES);
	bare_move(start_break);
}

static void sbrk_entry(void)
{
	sbrk(STEP_BYTES);
	sbrk(-STEP_BYTES);
}

static void query_bare(void)
{
	bare_call(SYS_brk, 0, 0, 0);
}

static void query_entry(void)
{
	brk(NULL);
}

static void attach_bare(void)
{
	bare_call(SYS_shmdt, bare_call(SYS_shmat, shmid, 0, 0), 0, 0);
}

static void attach_entry(void)
{
	shmdt(shmat(shmid, NULL, 0));
}

static void create_bare(void)
{
	bare_call(SYS_shmctl, bare_call(SYS_shmget, IPC_PRIVATE, SEGMENT_BYTES, 0600), IPC_RMID, 0);
}

static void create_entry(void)
{
	shmctl(shmget(IPC_PRIVATE, SEGMENT_BYTES, 0600), IPC_RMID, NULL);
}

static void set_bare(void)
{
	bare_call(SYS_semctl, bare_call(SYS_semget, IPC_PRIVATE, 1, 0600), 0, IPC_RMID);
}

static void set_entry(void)
{
	semctl(semget(IPC_PRIVATE, 1, 0600), 0, IPC_RMID);
}

static void semop_bare(void)
{
	struct sembuf up = {0, 1, 0}, down = {0, -1, 0};

	bare_call(SYS_semop, semid, (long)&up, 1);
	bare_call(SYS_semop, semid, (long)&down, 1);
}

static void semop_entry(void)
{
	struct sembuf up = {0, 1, 0}, down = {0, -1, 0};

	semop(semid, &up, 1);
	semop(semid, &down, 1);
}

#define MESSAGE_BYTES 32

static struct {
	long type;
	char text[MESSAGE_BYTES];
} message = {1, ""};

/* As bare_call, for calls that take more words. */
__attribute__((noinline)) static long bare_message_call(long number, long type, long flags)
{
	long ret = raw_call6(number, msqid, (long)&message, MESSAGE_BYTES, type, flags, 0);

	__asm__ volatile("" : "+r"(ret)::"memory");
	return ret;
}

static void message_bare(void)
{
	bare_message_call(SYS_msgsnd, 0, 0);
	bare_message_call(SYS_msgrcv, 0, 0);
}

static void message_entry(void)
{
	msgsnd(msqid, &message, MESSAGE_BYTES, 0);
	msgrcv(msqid, &message, MESSAGE_BYTES, 0, 0);
}

static void stat_bare(void)
{
	struct shmid_ds facts;

	bare_call(SYS_shmctl, shmid, IPC_STAT, (long)&facts);
}

static void stat_entry(void)
{
	struct shmid_ds facts;

	shmctl(shmid, IPC_STAT, &facts);
}

/* No bare form: its cost with the library is compared with its cost without. */
static void malloc_entry(void)
{
	void *volatile block = malloc(64);

	free(block);
}

static void nothing(void)
{
}

/*
 * A unit at the end of DEPTH calls, each made from one of two places. Each bit of `path` chooses a
 * place, the outermost first. Another path is another stack of the same size.
 */
#define DEPTH 16u

__attribute__((noinline)) static void descend(unsigned level, unsigned path, void (*unit)(void))
{
	if (level == 0) {
		unit();
		__asm__ volatile("# here" ::: "memory"); /* the call above is no tail call */
	} else if (path >> (level - 1) & 1) {
		descend(level - 1, path, unit);
		__asm__ volatile("# one way" ::: "memory");
	} else {
		descend(level - 1, path, unit);
		__asm__ volatile("# the other" ::: "memory");
	}
}

static void deep_bare(void)
{
	descend(DEPTH, 0, stat_bare);
}

static void deep_entry(void)
{
	descend(DEPTH, 0, stat_entry);
}

static unsigned paths[2];

static void new_bare(void)
{
	descend(DEPTH, paths[0]++, stat_bare);
}

static void new_entry(void)
{
	descend(DEPTH, paths[1]++, stat_entry);
}

struct workload {
	const char *name;
	void (*bare)(void);
	void (*entry)(void);
	unsigned calls; /* in one unit */
	unsigned units; /* in one batch */
};

/* clang-format off */
static const struct workload workloads[] = {
	{"sbrk", sbrk_bare, sbrk_entry, 2, 50},
	{"query", query_bare, query_entry, 1, 200},
	{"attach", attach_bare, attach_entry, 2, 40},
	{"create", create_bare, create_entry, 2, 20},
	{"set", set_bare, set_entry, 2, 20},
	{"semop", semop_bare, semop_entry, 2, 100},
	{"message", message_bare, message_entry, 2, 50},
	{"map", map_bare, map_entry, 2, 50},
	{"block", block_bare, block_entry, 2, 50},
	{"stat", stat_bare, stat_entry, 1, 200},
	{"malloc", nothing, malloc_entry, 1, 4000},
	{"deep", deep_bare, deep_entry, 1, 200}, /* the same 16 frames each time */
	{"new", new_bare, new_entry, 1, 50},     /* 16 frames, never the same */
};
/* clang-format on */

/* ---- measuring ---- */

struct result {
	double bare_ns;
	double entry_ns;
	double added_ns;
};

static double time_units(void (*unit)(void), unsigned units)
{
	double begin = bench_now_ns();

	for (unsigned i = 0; i < units; i++)
		unit();
	return bench_now_ns() - begin;
}

static double time_batch(const struct workload *work, void (*unit)(void))
{
	return time_units(unit, work->units) / (work->units * work->calls);
}

static double *room_for(size_t count)
{
	double *room = calloc(count, sizeof *room);

	if (!room)
		bench_fail("calloc");
	return room;
}

/*
 * The order of the two changes from pair to pair. All are called from one place: another place
 * would be another call stack, and the cost of a new stack would be part of each batch.
 */
static struct result measure(const struct workload *work, size_t pairs)
{
	double *bare = room_for(pairs), *entry = room_for(pairs), *added = room_for(pairs);

	start_break = sbrk(0);
	for (size_t i = 0; i < pairs * 2; i++) {
		bool is_entry = (i ^ i >> 1) & 1;

		(is_entry ? entry : bare)[i / 2] = time_batch(work,
							      is_entry ? work->entry : work->bare);
	}
	for (size_t i = 0; i < pairs; i++)
		added[i] = entry[i] - bare[i];
	return (struct result){bench_median(bare, pairs), bench_median(entry, pairs),
			       bench_median(added, pairs)};
}

/* The machine disturbs some calls now and then: the dearest calls of a class are left out. */
static double class_mean(double *values, size_t count)
{
	double sum = 0;
	size_t kept = count - count / 50;

	bench_median(values, count);
	for (size_t i = 0; i < kept; i++)
		sum += values[i];
	return sum / (double)kept;
}

/*
 * The cold event. In a log of 64-byte records, every 64th event touches a page (of 4 KiB) for the
 * first time in this process. Calls are timed one by one and put into classes by their number
 * modulo that period. The mean of the dearest class is the cost of the cold event. The call is
 * IPC_STAT: the kernel allocates nothing in it, so it has no dear classes of its own.
 */
static struct result measure_cold(const struct workload *work, size_t rounds)
{
	size_t period = (size_t)sysconf(_SC_PAGESIZE) / 64, calls = period * rounds;
	double *bare = room_for(calls), *entry = room_for(calls);
	struct result dearest = {0, 0, -1e9};

	for (size_t i = 0; i < calls; i++) {
		size_t cell = i % period * rounds + i / period;

		bare[cell] = time_units(work->bare, 1);
		entry[cell] = time_units(work->entry, 1);
	}
	for (size_t i = 0; i < period; i++) {
		double bare_ns = class_mean(bare + i * rounds, rounds);
		double entry_ns = class_mean(entry + i * rounds, rounds);

		if (entry_ns - bare_ns > dearest.added_ns)
			dearest = (struct result){bare_ns, entry_ns, entry_ns - bare_ns};
	}
	return dearest;
}

/* ---- set-up ---- */

/* Touches every page of a log once. A recorder has caught up when it ends. */
static void prefault_up(const struct workload *work, unsigned long calls)
{
	for (unsigned long i = 0; i < calls; i += 2)
		sbrk_entry();
	for (unsigned i = 0; i < work->units; i++)
		work->entry();
}

/* Makes the same calls on another CPU until it is killed. */
static pid_t start_beside(const struct workload *work, unsigned long prefault_calls, int cpu)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready) != 0)
		bench_fail("pipe");
	pid = fork();
	if (pid < 0)
		bench_fail("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bench_pin(cpu);
		prefault_up(work, prefault_calls);
		if (write(ready[1], "", 1) != 1)
			bench_fail("write");
		for (;;)
			work->entry();
	}
	if (read(ready[0], &byte, 1) != 1)
		bench_fail("read");
	return pid;
}

/*
 * Marks the segment for removal at once: one attachment keeps it until this process ends, however
 * it ends.
 */
static void make_segment(void)
{
	shmid = shmget(IPC_PRIVATE, SEGMENT_BYTES, 0600);
	if (shmid < 0 || shmat(shmid, NULL, 0) == (void *)-1)
		bench_fail("shmget");
	shmctl(shmid, IPC_RMID, NULL);
}

/* Nothing keeps these: they are removed at the end. */
static void make_set_and_queue(void)
{
	semid = semget(IPC_PRIVATE, 1, 0600);
	msqid = msgget(IPC_PRIVATE, 0600);
	if (semid < 0 || msqid < 0)
		bench_fail("semget, msgget");
}

static void remove_set_and_queue(void)
{
	semctl(semid, 0, IPC_RMID);
	msgctl(msqid, IPC_RMID, NULL);
}

static const struct workload *find(const char *name)
{
	for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
		if (strcmp(workloads[i].name, name) == 0)
			return workloads + i;
	return NULL;
}

int main(int argc, char **argv)
{
	bool cold = argc > 1 && strcmp(argv[1], "cold") == 0;
	const struct workload *work = argc > 4 ? find(cold ? "stat" : argv[1]) : NULL;
	unsigned long prefault_calls = work ? strtoul(argv[3], NULL, 10) : 0;
	size_t pairs = work ? strtoul(argv[2], NULL, 10) : 0;
	struct result result;
	pid_t beside = 0;

	mallopt(M_MMAP_THRESHOLD, BLOCK_BYTES / 2); /* or free(3) raises it */
	if (!work || pairs == 0) {
		fputs("usage: calls WORKLOAD PAIRS WARM_CALLS CPU [BESIDE_CPU]\n", stderr);
		return 2;
	}
	bench_pin(atoi(argv[4]));
	make_segment();
	make_set_and_queue();
	if (argc > 5)
		beside = start_beside(work, prefault_calls, atoi(argv[5]));
	prefault_up(work, prefault_calls);
	result = cold ? measure_cold(work, pairs) : measure(work, pairs);
	if (beside) {
		kill(beside, SIGKILL);
		waitpid(beside, NULL, 0);
	}
	remove_set_and_queue();
	printf("{\"bare_ns\": %.2f, \"entry_ns\": %.2f, \"added_ns\": %.2f, \"traced\": %s}\n",
	       result.bare_ns, result.entry_ns, result.added_ns,
	       !bench_is_traced || bench_is_traced() ? "true" : "false");
	return 0;
}
