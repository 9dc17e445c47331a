/* SPDX-License-Identifier: MIT */
/*
 * An object is removed only when all of this is known: this session created it; the kernel's
 * segment with this id is that segment; the kernel's creator is the process that the recorder
 * identified or, without a recorder, the owner of the session's file; and no process may still use
 * the segment. Each rule returns why a segment is kept. If something is not known, the segment is
 * kept.
 *
 * The segment may change between these rules and the removal. So reap reads it again by its id:
 * key, size, creator, time of the last change and of the last use must be the same, and no process
 * may have it attached. Then reap sets its mode to 0, so that only root can attach it, and reads it
 * a last time. Then it removes the segment, or restores its mode. The kernel reuses an id only
 * after the next 32,768 segments, unless a process sets kernel.shm_next_id.
 */
#include "report/session/reap.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#include "report/procfs/proc.h"
#include "report/session/reap_objects.h"

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15 /* Linux 4.17 */
#endif

#define SHM_DEST_BIT 01000 /* the kernel's mark for removal, in the mode */

/* ---- the removal ---- */

static const char gone[] = "it is gone already";
static const char another[] = "it is another segment now";
static const char attached[] = "a process has attached it meanwhile";
static const char changed[] = "a process has changed it meanwhile";
static const char used[] = "a process has used it meanwhile";

static bool reap_is_same(const struct shmid_ds *now, const struct kernel_segment *then)
{
	return (uint32_t)now->shm_perm.__key == then->key && now->shm_segsz == then->size &&
	       now->shm_cpid == then->creator_pid && now->shm_perm.cuid == then->creator_uid;
}

static const char *why_read_failed(void)
{
	return errno == EINVAL || errno == EIDRM ? gone : strerror(errno);
}

/* SHM_STAT_ANY takes an index of the kernel's table and, unlike IPC_STAT, needs no permission. */
static bool reap_read(int shmid, struct shmid_ds *now)
{
	static const int index_bits[] = {15, 24}; /* ipc/util.h: IPCMNI_SHIFT, and extended */

	for (int i = 0; i < 2; i++)
		if (shmctl(shmid & ((1 << index_bits[i]) - 1), SHM_STAT_ANY, now) == shmid)
			return true;
	return shmctl(shmid, IPC_STAT, now) == 0;
}

/* Whether a process attached and detached it since: that process knows the id. */
static bool was_used(const struct shmid_ds *now, const struct kernel_segment *then)
{
	return (uint64_t)now->shm_atime != then->attached ||
	       (uint64_t)now->shm_dtime != then->detached || now->shm_lpid != then->last_pid;
}

/* Null when it is the same segment and unused; else why it is kept. */
static const char *reap_check(const struct model_segment *segment, struct shmid_ds *now)
{
	const struct kernel_segment *then = &segment->current;

	if (!reap_read(segment->shmid, now))
		return why_read_failed();
	if (!reap_is_same(now, then))
		return another;
	if ((uint64_t)now->shm_ctime != then->changed)
		return changed;
	if (now->shm_nattch)
		return attached;
	return was_used(now, then) ? used : NULL;
}

/* After the mode was set to 0: null when nothing else has changed. */
static const char *check_last(const struct model_segment *segment)
{
	struct shmid_ds now;

	if (!reap_read(segment->shmid, &now))
		return why_read_failed();
	if (!reap_is_same(&now, &segment->current))
		return another;
	if (now.shm_nattch)
		return attached;
	return was_used(&now, &segment->current) ? used : NULL;
}

const char *reap_remove(const struct model_segment *segment)
{
	struct shmid_ds now, closed;
	const char *why;

	if (segment->kind != SHARED_MEMORY)
		return reap_object_remove(segment);
	why = reap_check(segment, &now);
	if (why)
		return why;
	closed = now;
	closed.shm_perm.mode = 0;
	if (shmctl(segment->shmid, IPC_SET, &closed) != 0)
		return strerror(errno);
	why = check_last(segment);
	if (!why && shmctl(segment->shmid, IPC_RMID, NULL) != 0)
		why = strerror(errno);
	if (why && why != gone && why != another)
		shmctl(segment->shmid, IPC_SET, &now);
	return why;
}

/* ---- the rules ---- */

struct rule_case {
	const struct model *model;
	const struct model_segment *segment;
	bool by_name;
	char *words; /* REAP_WHY_BYTES */
};

/* Formats a reason. */
static const char *reap_reason(const struct rule_case *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static const char *reap_reason(const struct rule_case *c, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(c->words, REAP_WHY_BYTES, format, list);
	va_end(list);
	return c->words;
}

static const char *why_not_created_here(const struct rule_case *c)
{
	if (c->segment->created == CREATED_NOT)
		return "this session did not create it";
	return c->segment->created == CREATED_SURELY
		       ? NULL
		       : "it is not sure that this session created it";
}

static const char *why_not_of_this_table(const struct rule_case *c)
{
	const struct session_facts *session = &c->model->session;

	return session->same_ipc && !c->segment->space && !c->segment->elsewhere
		       ? NULL
		       : "it belongs to another machine, another boot or another IPC namespace";
}

static const char *why_file_is_not_trusted(const struct rule_case *c)
{
	const struct session_facts *session = &c->model->session;

	return session->owner_known && session->owner_uid == geteuid()
		       ? NULL
		       : reap_reason(c,
				     "the session's file belongs to user %u: reap trusts only "
				     "files of your own",
				     session->owner_uid);
}

/*
 * Null when the session created the segment, by the rows at the session's end and now; else why
 * not.
 */
static const char *why_not_same(const struct rule_case *c)
{
	if (c->segment->presence == PRESENCE_REMOVED)
		return gone;
	if (c->segment->presence == PRESENCE_UNKNOWN)
		return c->segment->in_kernel
			       ? "it is not surely the same segment"
			       : "what became of it by the session's end is not known";
	return c->segment->surely_same
		       ? NULL
		       : "the kernel's segment may be another: its creator, size or time of change "
			 "is not the one that the session saw";
}

static const char *why_in_use(const struct rule_case *c)
{
	if (c->segment->kind != SHARED_MEMORY)
		return reap_object_is_awaited(c->segment) ? "a process waits for it" : NULL;
	if (c->segment->current.mode & SHM_DEST_BIT)
		return "already marked: the kernel removes it at its last detach";
	return c->segment->current.nattch ? "a process has it attached" : NULL;
}

/*
 * The process that attached or detached it last may use it again. A process that started later only
 * has the same pid.
 */
static const char *why_last_user_may_come_back(const struct rule_case *c)
{
	const struct kernel_segment *segment = &c->segment->current;
	uint64_t used_s = segment->attached > segment->detached ? segment->attached
								: segment->detached;
	struct timespec now, up;
	uint64_t start;
	int32_t user;

	if (c->segment->kind != SHARED_MEMORY) {
		user = reap_object_stranger(c->model, c->segment);
		if (user)
			return reap_reason(c, "process %d, which is not of the session, used it",
					   user);
		user = reap_object_last_user(c->segment);
		if (user < 0)
			return "it is not known which process used it last";
		return user ? reap_reason(c, "process %d, which used it last, still runs", user)
			    : NULL;
	}
	if (!used_s || alive_still(segment->last_pid, 0) == STILL_ENDED)
		return NULL;
	start = alive_start(segment->last_pid, 0);
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	if (start && (uint64_t)(now.tv_sec - up.tv_sec) + start / (uint64_t)sysconf(_SC_CLK_TCK) >
			     used_s + 1)
		return NULL;
	return start ? reap_reason(c, "process %d, which used it last, still runs",
				   segment->last_pid)
		     : "it is not known whether the process that used it last still runs";
}

static const char *why_creator_not_verified(const struct rule_case *c)
{
	const struct kernel_segment *kernel = &c->segment->current;
	const struct identity_facts *identity = model_identity(c->model, c->segment->creator);

	if (!c->model->session.recorded)
		return NULL;
	if (!identity)
		return "the recorder could not verify which process created it";
	if (c->segment->kind != SHARED_MEMORY) /* the kernel keeps no creator's pid */
		return identity->effective_uid == kernel->creator_uid
			       ? NULL
			       : "the kernel names another user as its creator than the recorder "
				 "verified";
	if (!c->model->session.same_pids || identity->pid != kernel->creator_pid)
		return "the kernel names another process as its creator than the recorder verified";
	if (identity->effective_uid == kernel->creator_uid || (c->by_name && geteuid() == 0))
		return NULL;
	return reap_reason(c, "user %u created it, and the recorder verified a process of user %u",
			   kernel->creator_uid, identity->effective_uid);
}

bool reap_is_of_other(const struct model_segment *segment)
{
	return segment->presence == PRESENCE_HERE && (segment->current.creator_uid != geteuid() ||
						      segment->current.owner_uid != geteuid());
}

static const char *why_of_other(const struct rule_case *c)
{
	const struct kernel_segment *kernel = &c->segment->current;
	bool given = kernel->creator_uid == geteuid();

	if (!reap_is_of_other(c->segment) || (c->by_name && geteuid() == 0))
		return NULL;
	return reap_reason(c, "%s user %u%s",
			   given ? "it was given to another user:" : "created by",
			   given ? kernel->owner_uid : kernel->creator_uid,
			   geteuid() == 0 ? "; name it with -m to remove it"
					  : ": that user and root may remove it");
}

static const char *why_users_not_known(const struct rule_case *c)
{
	const struct model_family *family = &c->segment->family;

	switch (family->doubt) {
	case DOUBT_FAMILY:
		return "it is not known which processes were forked from its creator's program";
	case DOUBT_UNREGISTERED:
		return reap_reason(
			c,
			"process %d has the session's segment mapped, and never registered: it "
			"may use this segment",
			family->doubt_pid);
	case DOUBT_UNREADABLE:
		return reap_reason(
			c,
			"the session does not know all of its processes, and process %d, which "
			"may be one, cannot be inspected",
			family->doubt_pid);
	case DOUBT_NONE:
		break;
	}
	return NULL;
}

/* `who` describes a process whose name is known, `which` a process whose name is not. */
static const char *reap_reason_who(const struct rule_case *c, const struct model_kin *kin,
				   const char *who, const char *which)
{
	const struct model_process *process = model_process(c->model, kin->instance);
	const struct process_facts *facts = process ? &process->facts : NULL;

	if (!facts)
		return reap_reason(c, "it is not known whether %s still runs", which);
	return reap_reason(c, "%s%s (%d), %s, still runs",
			   kin->still == STILL_RUNS ? "" : "it is not known whether ",
			   model_program_name(facts), facts->pid, who);
}

/* Explains the model's verdict: null for a leaked segment, which no process may use again. */
static const char *why_may_come_back(const struct rule_case *c)
{
	const struct model_family *family = &c->segment->family;
	const char *why = NULL;

	if (c->segment->leaked_now || (c->segment->orphaned_now && c->by_name))
		return NULL;
	if (c->model->session.segment_missing)
		return "the session's own segment is gone: it is not known whether its "
		       "creator still runs";
	if (c->segment->orphaned_now)
		return "orphaned: its creator ended, but a relative of it that never used the "
		       "segment still runs; name it with -m to remove it";
	if (family->creator.still != STILL_ENDED)
		why = reap_reason_who(c, &family->creator, "its creator", "its creator");
	else if (family->relatives.still != STILL_ENDED && family->relatives.instance)
		why = reap_reason_who(c, &family->relatives, "forked from its creator's program",
				      "");
	else if (family->users.still != STILL_ENDED)
		why = reap_reason_who(c, &family->users, "which may have attached it",
				      "a process that attached it");
	else
		why = why_users_not_known(c);
	if (!why)
		why = why_last_user_may_come_back(c);
	if (!why)
		why = why_not_same(c);
	return why ? why : "a process may still use it";
}

const char *reap_why_kept(const struct model *model, const struct model_segment *segment,
			  bool by_name, char words[REAP_WHY_BYTES])
{
	static const char *(*const rules[])(const struct rule_case *c) = {
		why_not_created_here, why_not_of_this_table, why_file_is_not_trusted,
		why_in_use,           why_may_come_back,     why_last_user_may_come_back,
		why_not_same,         why_of_other,          why_creator_not_verified,
	};
	struct rule_case c = {model, segment, by_name, words};
	const char *why = NULL;

	for (size_t i = 0; !why && i < sizeof rules / sizeof *rules; i++)
		why = rules[i](&c);
	return why;
}
