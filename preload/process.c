/* SPDX-License-Identifier: MIT */
/*
 * The kernel does not tell a new image that it follows another one in the same process. So the
 * image searches for a slot with its own pid and start time. Nor does the kernel tell a child how
 * it was created: a hook finds the wiped word, or the pthread_atfork handler runs first.
 */
#include "process.h"

#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <unistd.h>

#include "attachments.h"
#include "common/files.h"
#include "common/timens.h"
#include "peer_socket.h"
#include "program.h"
#include "record.h"
#include "slots.h"

#define WAITS 100000 /* for another thread's registration, one sched_yield(2) each */

/* What is known of the process before it takes a slot. */
struct registration {
	enum segment_call how; /* LIFECYCLE_START or LIFECYCLE_FORK */
	int32_t pid;
	uint32_t parent_instance;
	uint64_t start_break; /* 0: unknown, or this is a child of fork */
	uint64_t start_time;
	uint64_t clock; /* of the fork, if it is known; or 0 */
};

/* Out of line, as other steps of a registration: so no step uses stack for another. */
SELDOM static void process_fill_slot(struct segment_process *slot, const struct registration *own)
{
	uint64_t now = shim.break_now;

	shim.pid = own->pid;
	shim.start_time = own->start_time;
	shim.uid = (uint32_t)raw_call3(SYS_getuid, 0, 0, 0);
	memset(slot, 0, sizeof *slot);
	slot->instance = shim.instance;
	slot->parent_instance = own->parent_instance;
	slot->pid = own->pid;
	slot->ppid = (int32_t)raw_call3(SYS_getppid, 0, 0, 0);
	slot->uid = shim.uid;
	slot->how = own->how;
	slot->coverage = shim.coverage;
	slot->pid_namespace = shim.pid_namespace;
	slot->ipc_namespace = shim.ipc_namespace;
	slot->family = shim.family;
	slot->start_time = own->start_time;
	slot->start_clock = own->clock ? own->clock : thread_clock();
	slot->segment_address = (uint64_t)shim.base;
	slot->break_initial = own->start_break ? own->start_break : now;
	slot->break_at_start = now;
	slot->flags = shim.identity_flags | (shim.rings ? 0 : PROCESS_LOG_UNMAPPED);
	program_name(slot->comm);
	memcpy(slot->exe, shim.exe, sizeof slot->exe);
	memcpy(slot->cmdline, shim.cmdline, sizeof slot->cmdline);
	half_store((_Atomic uint32_t *)&slot->exit_status, (uint32_t)-1);
	word_store(&slot->break_current, now);
	word_store(&slot->break_peak, now);
	half_store(&slot->lost[LOSS_BAD_SETTING], shim.bad_settings);
	half_store(&slot->lost[LOSS_NOT_REDIRECTED], shim.coverage == COVERAGE_CALLS);
	half_store(&slot->lost[LOSS_NO_UNWINDER], shim.no_stacks);
	half_hand_over(&slot->state, PROCESS_RUNNING);
}

static struct segment_event lifecycle_event(enum segment_call kind, uint32_t instance)
{
	struct segment_event event = {.process = instance, .kind = (uint8_t)kind};

	event.clock = thread_clock();
	event.u.life.status = -1;
	event.u.life.before = shim.break_now;
	return event;
}

SELDOM static void registration_log(const struct registration *own,
				    const struct segment_process *slot)
{
	struct segment_event event = lifecycle_event(own->how, slot->instance);

	/* Equal to start_clock: this tells the reader that the time of the fork is not known. */
	if (own->how == LIFECYCLE_FORK && !own->clock)
		event.clock = slot->start_clock;
	event.u.life.inherited = slot->inherited;
	event.u.life.other = slot->parent_instance;
	record_event(&event);
}

/* Ends the image before exec, and with it all its attachments. */
SELDOM static void process_end_predecessor(struct segment_process *old)
{
	struct segment_event event = lifecycle_event(LIFECYCLE_EXEC, old->instance);

	event.u.life.inherited = half_load(&old->attached);
	event.u.life.other = shim.instance;
	event.u.life.before = word_load(&old->break_current);
	record_event(&event);
	word_store(&old->end_clock, thread_clock());
	half_hand_over(&old->state, PROCESS_EXEC);
}

/*
 * Before it sleeps, the recorder clears `polling`, and only then checks whether a process has
 * registered.
 */
static void registration_wake_recorder(bool has_sent)
{
	half_announce_one_more(&shim.shared->registered);
	if (shim.header->recorder_pid && !(has_sent && half_load(&shim.shared->polling)))
		raw_call3(SYS_futex, (long)&shim.shared->registered, FUTEX_WAKE, INT_MAX);
}

static bool process_is_wanted(const struct registration *own,
			      const struct segment_process *predecessor)
{
	if (!(shim.header->options & OPTION_NO_FOLLOW) || predecessor)
		return true;
	return own->how == LIFECYCLE_START && half_load(&shim.shared->next_instance) == 0;
}

/* A namespace's inode; 0 for the session's own; `unknown` where it cannot be read. */
SELDOM static uint64_t namespace_read_other(const char *path, uint64_t sessions, uint64_t unknown)
{
	uint64_t inode = sys_inode(path);

	if (inode == sessions || !sessions)
		return 0;
	return inode ? inode : unknown;
}

/* A child of fork that cannot read its namespace is taken to be in its parent's. */
static uint64_t namespace_read_pid(enum segment_call how)
{
	return namespace_read_other("/proc/self/ns/pid", shim.header->pid_namespace,
				    how == LIFECYCLE_FORK ? shim.pid_namespace
							  : SEGMENT_NAMESPACE_UNKNOWN);
}

/*
 * Processes of several pid namespaces may have the same pid. The recorder's socket tells whether
 * this process is in the recorder's namespace: to read /proc costs a tenth of a process's start.
 */
SELDOM static bool registration_call_recorder(enum segment_call how)
{
	bool same_pids, has_sent = registration_send(shim.header, shim.instance, &same_pids);

	shim.pid_namespace = same_pids ? 0 : namespace_read_pid(how);
	return has_sent;
}

SELDOM static void process_take_slot(const struct registration *own)
{
	struct segment_process *old = own->how == LIFECYCLE_START
					      ? slots_find_predecessor(own->pid, own->start_time)
					      : NULL;
	struct segment_process *slot;
	bool has_sent;

	shim.process = NULL;
	if (!process_is_wanted(own, old))
		return;
	slot = slots_take(own->pid);
	if (!slot) {
		shim_lose(LOSS_NO_SLOT);
		return;
	}
	shim.instance = half_add(&shim.shared->next_instance, 1);
	if (own->how == LIFECYCLE_START)
		shim.family = shim.instance;
	has_sent = shim.header->recorder_pid && registration_call_recorder(own->how);
	process_fill_slot(slot, own);
	/* The search before compared pids of another namespace. */
	if (shim.pid_namespace && own->how == LIFECYCLE_START)
		old = slots_find_predecessor(own->pid, own->start_time);
	if (old) {
		slot->image = old->image + 1;
		slot->parent_instance = old->instance;
		/* The recorder may have noticed the exec already. */
		if (half_load(&old->state) == PROCESS_RUNNING)
			process_end_predecessor(old);
	}
	shim.process = slot;
	slot->inherited = own->how == LIFECYCLE_FORK ? attachments_inherit() : 0;
	registration_log(own, slot);
	slots_announce(slot);
	registration_wake_recorder(has_sent);
}

static void signals_block(uint64_t *old)
{
	uint64_t all = ~0ull;

	raw_call6(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)old, sizeof all, 0, 0);
}

static void signals_restore(const uint64_t *old)
{
	raw_call6(SYS_rt_sigprocmask, SIG_SETMASK, (long)old, 0, sizeof *old, 0, 0);
}

/* Reads the time namespace's shift. The CPU's counter has none. */
SELDOM static void process_learn_clock(void)
{
	if (shim.clock == CLOCK_NS)
		shim.clock_shift_ns = (uint64_t)timens_read(TIMENS_SELF).monotonic_ns;
}

static bool process_is_mapped(uint64_t address)
{
	unsigned char resident;

	return raw_call3(SYS_mincore, (long)(address & -shim.page_bytes), 1, (long)&resident) == 0;
}

/*
 * Whether the break that the program sees is the kernel's, which begins at start_brk. valgrind and
 * proot give the program a break of their own at another address.
 */
static bool process_break_is_kernels(uint64_t start_break)
{
	uint64_t end = shim.break_now;

	if (start_break == 0 || start_break > end)
		return false;
	return start_break == end || (process_is_mapped(start_break) && process_is_mapped(end - 1));
}

/* The kernel's break. `otherwise`: the last known one, where a seccomp filter refuses brk(2). */
static uint64_t process_read_break(uint64_t otherwise)
{
	long now = raw_call3(SYS_brk, 0, 0, 0);

	return raw_failed(now) ? otherwise : (uint64_t)now;
}

/* Called before the pid is used: without a recorder, only /proc tells the pid namespace. */
SELDOM static void process_learn_namespaces(enum segment_call how)
{
	shim.ipc_namespace = namespace_read_other("/proc/self/ns/ipc", shim.header->ipc_namespace,
						  0);
	if (!shim.header->recorder_pid)
		shim.pid_namespace = namespace_read_pid(how);
}

void process_start(int argc, char **argv)
{
	struct registration own = {.how = LIFECYCLE_START};
	struct stat_facts facts;
	uint64_t old_mask;

	signals_block(&old_mask);
	process_learn_clock();
	program_learn(argc, argv);
	stat_read(&facts);
	process_learn_namespaces(LIFECYCLE_START);
	own.pid = (int32_t)raw_call3(SYS_getpid, 0, 0, 0);
	own.start_time = facts.start_time;
	shim.break_now = process_read_break(facts.start_break);
	if (process_break_is_kernels(facts.start_break)) {
		own.start_break = facts.start_break;
		shim.identity_flags |= PROCESS_BREAK_KNOWN;
	}
	process_take_slot(&own);
	word_hand_over(shim_wiped(WIPED_DONE), 1);
	shim.alive = shim_wiped(WIPED_DONE);
	signals_restore(&old_mask);
}

/* A raw clone(2) does not update the id in libc's descriptor. */
static void process_check_thread_id(void)
{
	if (shim.tid_offset &&
	    *(int32_t *)(thread_pointer() + shim.tid_offset) != raw_call3(SYS_gettid, 0, 0, 0))
		shim.tid_offset = 0;
}

SELDOM static void process_register_fork(void)
{
	struct registration own = {
		.how = LIFECYCLE_FORK,
		.parent_instance = shim.instance,
		.clock = thread_memo.fork_clock,
	};
	struct stat_facts facts;

	process_fork_is_over();
	process_learn_clock();
	stat_read(&facts);
	process_check_thread_id();
	process_learn_namespaces(LIFECYCLE_FORK);
	own.pid = (int32_t)raw_call3(SYS_getpid, 0, 0, 0);
	own.start_time = facts.start_time;
	/*
	 * Another thread may have moved the break just before the fork, and not have stored it yet.
	 */
	shim.break_now = process_read_break(shim.break_now);
	process_take_slot(&own);
	word_hand_over(shim_wiped(WIPED_DONE), 1);
}

/*
 * Another thread registers the process, which takes a few system calls. The wait is limited: a
 * thread of higher priority may keep that thread from running.
 */
static bool registration_wait(void)
{
	for (int i = 0; i < WAITS && !word_accept(shim_wiped(WIPED_DONE)); i++)
		raw_call3(SYS_sched_yield, 0, 0, 0);
	return word_accept(shim_wiped(WIPED_DONE)) != 0;
}

struct segment_process *process_register(void)
{
	uint64_t old_mask;

	signals_block(&old_mask);
	if (word_take(shim_wiped(WIPED_BEGUN), 0, 1))
		process_register_fork();
	signals_restore(&old_mask);
	if (registration_wait())
		return shim.process;
	counter_add(&shim.shared->lost[LOSS_NESTED], 1, false);
	return NULL;
}

static uint64_t process_count_begun(const struct segment_process *process)
{
	uint64_t sum = 0;

	for (int call = 0; call < CALL_COUNT; call++)
		sum += word_load(&process->begun[call]);
	return sum;
}

void process_end(int status)
{
	struct segment_process *process = process_self();
	struct segment_event event;

	if (!process)
		return;
	half_store((_Atomic uint32_t *)&process->exit_status, (uint32_t)status & 0xff);
	if (shim.header->recorder_pid) { /* the recorder notices the end itself, a moment later */
		word_store(&process->end_begun, process_count_begun(process));
		word_hand_over(&process->end_clock, thread_clock());
		return;
	}
	event = lifecycle_event(LIFECYCLE_EXIT, shim.instance);
	event.u.life.status = status & 0xff;
	event.u.life.inherited = half_load(&process->attached);
	record_event(&event);
	word_store(&process->end_clock, thread_clock());
	half_hand_over(&process->state, PROCESS_EXITED);
}
