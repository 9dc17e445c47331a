/* SPDX-License-Identifier: MIT */
/* Why the break could not be moved, by the log: see explain.c. */
#include "report/model/explain_break.h"

#include <errno.h>
#include <stdio.h>

#include "report/model/explain.h"
#include "report/model/model.h"
#include "report/util/format.h"

#define TOO_MUCH_BYTES (1ull << 40) /* no free range is that large */
#define SPACE_BYTES (1ull << 47)    /* all addresses of a program */

static const char filter_advice[] = "allow the call in the filter: systemd's SystemCallFilter=, or "
				    "the container's seccomp profile";

/* The break that the call asked for. */
static uint64_t wanted_by(const struct event *event)
{
	return event->kind == KIND_BRK ? event->u.brk.argument
				       : event->u.brk.before + event->u.brk.argument;
}

const struct model_attachment *explain_blocker(const struct model_process *process,
					       const struct event *event)
{
	uint64_t wanted = wanted_by(event);
	const struct model_attachment *nearest = NULL;

	if (wanted - event->u.brk.before >= TOO_MUCH_BYTES)
		return NULL;
	for (uint32_t i = 0; i < process->attached_count; i++) {
		const struct model_attachment *a = &process->attached[i];

		if (a->address >= event->u.brk.before && a->address < wanted &&
		    (!nearest || a->address < nearest->address))
			nearest = a;
	}
	return nearest;
}

bool explain_wall(const struct event *event, uint64_t start)
{
	uint64_t wanted = wanted_by(event), before = event->u.brk.before;

	return start >= before && start < wanted && wanted - before < TOO_MUCH_BYTES;
}

/* libc refused sbrk, since it took the kernel's error for the break. */
static struct explanation explain_spoilt_break(const struct failed *f)
{
	uint64_t error = -f->event->u.brk.result;
	const char *name = name_of_errno((int)error);

	if (error == 0 || error >= 4096)
		return explain_nothing;
	return explain_surely(
		explain_by(filter_advice,
			   "the kernel refuses brk with %s, as a seccomp filter makes it do; libc "
			   "takes that result for the break, and cannot grow the heap from there",
			   name ? name : "an error"));
}

struct explanation explain_filter(const struct failed *f)
{
	const char *name = name_of_errno(f->event->detail);

	return explain_surely(
		explain_by(filter_advice,
			   "the kernel's %s never fails with %s: a seccomp filter refused the call",
			   f->event->kind == KIND_SBRK ? "brk" : event_name(f->event->kind),
			   name ? name : "this error"));
}

struct explanation explain_move(const struct failed *f)
{
	const struct model_attachment *blocker = explain_blocker(f->process, f->event);
	char capacity[FORMAT_BYTES], wanted[FORMAT_BYTES];
	uint64_t end = wanted_by(f->event), before = f->event->u.brk.before, asked = end - before;

	if (f->event->flags & FLAG_LIBC_ONLY)
		return explain_spoilt_break(f);
	if (f->event->detail != ENOMEM)
		return explain_filter(f);
	/* A break that is too low is no error: it moves nothing. */
	if (end < before)
		return explain_nothing;
	if (blocker)
		return explain_surely(explain_by(
			"pass no address to shmat: the kernel then chooses a place that does not "
			"block the break",
			"segment %d is attached %s above the break, and the call asked for %s",
			blocker->segment->shmid, format_bytes(capacity, blocker->address - before),
			format_bytes(wanted, asked)));
	if (asked >= SPACE_BYTES && f->event->kind == KIND_BRK)
		return explain_surely(
			explain_by("check how the program computes the address",
				   "%#llx is %s above the break, and no address space is that "
				   "large",
				   (unsigned long long)end, format_bytes(wanted, asked)));
	if (asked >= SPACE_BYTES)
		return explain_surely(
			explain_by("check how the program computes the size",
				   "the call asked for %s, and no address space is that large",
				   format_bytes(wanted, asked)));
	return explain_by(NULL,
			  "the call asked for %s: more than RLIMIT_DATA, RLIMIT_AS, the space "
			  "below the next mapping, or the memory of the machine allows",
			  format_bytes(wanted, asked));
}
