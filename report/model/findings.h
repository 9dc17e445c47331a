/* SPDX-License-Identifier: MIT */
/* The findings: checking for all of them, and adding one. */
#ifndef MEMSHIM_MODEL_FINDINGS_H
#define MEMSHIM_MODEL_FINDINGS_H

#include "report/model/failures.h"

struct unfollowed_facts;

enum finding_kind {
#define FINDING(id, name, meaning) FINDING_##id,
#include "report/model/findings.def"
#undef FINDING
	FINDING_COUNT
};

enum severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE };

/*
 * findings_check adds one finding for each object, process or failed call. findings_group makes of
 * those with one kind, program, place and cause a single finding.
 */
#define FINDING_IDS 16u
struct finding {
	enum finding_kind kind;
	enum severity severity;
	char *headline; /* a few words; null until findings_group, unless it was given */
	char *why;      /* why a call failed; null: the text says it */
	char *text, *advice;
	uint64_t count;           /* objects, processes or failed calls */
	uint64_t bytes;           /* of the objects, or of the growth; 0 none */
	int32_t ids[FINDING_IDS]; /* the first objects; the first processes if it is about none */
	uint32_t id_count;
	const char *cause; /* differs where the causes of one kind do; null: one kind, one cause */
	uint32_t call_error;                 /* of failed calls: enum event_kind << 16 | errno */
	bool removable;                      /* its objects exist, and 'memshim reap' finds them */
	uint32_t instance;                   /* of the first process; 0 none */
	int32_t pid;                         /* 0 none, or several */
	int32_t shmid;                       /* -1 none, or several */
	enum object_kind object_kind;        /* of `shmid`, which is a semid or msqid then */
	uint32_t stack_instance, stack;      /* of the call that it is about; 0 unknown */
	const char *program[2];              /* that caused it, as paths where known; null none */
	const struct model_failure *failure; /* the failed calls that it is about; null none */
};

struct model_findings {
	struct finding *rows;
	uint32_t count, capacity;
	uint32_t suppressed_count, omitted_count;      /* not among the rows */
	uint64_t suppressed_of[FINDING_COUNT];         /* objects, processes, failed calls */
	struct model_failure *failures, *last_failure; /* see failure_next */
	uint32_t failure_count, explained_count;
};

const char *model_finding_name(enum finding_kind kind);

/* -1 when no kind has this name. */
int model_finding_kind(const char *name);

/* How many findings are more than notes. */
uint32_t model_attention(const struct model *model);

/* One line of advice about a process of another user, which could not open the segment. */
#define UNFOLLOWED_ADVICE_BYTES 256
void unfollowed_advice(const struct unfollowed_facts *process, char *text, size_t bytes);
/* The caller fills in pid, shmid and the stack. The advice comes first, then the text. */
struct finding *findings_add(struct model *model, enum finding_kind kind, enum severity severity,
			     const char *advice, const char *words, ...)
	__attribute__((format(printf, 5, 6)));

/* Appends an id, unless it is there already or there are FINDING_IDS. */
void finding_add_id(struct finding *finding, int32_t id);

/* Sets the headline. */
void finding_name(struct model *model, struct finding *finding, const char *headline);

void finding_free(struct finding *finding);

/* Whether it is true of many sound programs: the views show it on request. */
bool finding_is_routine(const struct finding *finding);

uint32_t findings_without_routine(const struct model *model);

/* Names the process that caused the finding. */
void findings_about(struct finding *finding, const struct model_process *process);

void findings_check(struct model *model);

#endif
