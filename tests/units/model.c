/* SPDX-License-Identifier: MIT */
/*
 * model < STORY: adds a made-up session to the model, and prints its conclusions. One line a fact;
 * times in milliseconds, sizes in bytes, all breaks relative to BASE.
 *
 *    process INSTANCE START END INITIAL CURRENT PEAK     END 0: it runs
 *    command EXE                     of the processes after it
 *    module NUMBER PATH
 *    frame NUMBER OUTER MODULE OFFSET
 *    lost COUNT                      events of the log
 *    move INSTANCE TIME STACK BEFORE AFTER [malloc]
 *    map INSTANCE TIME STACK ADDRESS BYTES [malloc]      private and anonymous
 *    unmap INSTANCE TIME STACK ADDRESS BYTES
 *    protect INSTANCE TIME STACK ADDRESS BYTES PROTECTION
 *    remap INSTANCE TIME STACK ADDRESS OLD_BYTES NEW_BYTES RESULT
 *    fork CHILD PARENT TIME
 *    exec INSTANCE TIME
 *    usage INSTANCE TIME RESIDENT_PEAK ANONYMOUS FAULTS CPU_MS WAITED_MS [HEAP_FREE HEAP]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "report/model/apply_event.h"
#include "report/model/finalize.h"
#include "report/model/model.h"

#define BASE 0x100000000ull
#define MS 1000000ull
#define WORDS 12

static struct model *model;
static char command[64] = "/bin/story";
static uint64_t end_ns;

static uint64_t number(char *word)
{
	return word ? strtoull(word, NULL, 10) : 0;
}

static void feed(struct event *event)
{
	model_add_events(model, event, 1);
	if (event->time_ns > end_ns)
		end_ns = event->time_ns;
}

/* A process counts its own moves: the story's moves are added as they come. */
static void tell_process(char **word)
{
	struct process_facts facts = {
		.instance = (uint32_t)number(word[1]),
		.pid = (int32_t)number(word[1]),
		.start_ns = number(word[2]) * MS,
		.end_ns = number(word[3]) * MS,
		.ended = number(word[3]) != 0,
		.state = number(word[3]) ? STATE_EXITED : STATE_RUNNING,
		.coverage = COVERED_FULL,
		.break_initial = BASE + number(word[4]),
		.break_at_start = BASE + number(word[4]),
		.break_current = BASE + number(word[5]),
		.break_peak = BASE + number(word[6]),
	};

	snprintf(facts.exe, sizeof facts.exe, "%s", command);
	if (facts.end_ns > end_ns)
		end_ns = facts.end_ns;
	model_add_process(model, &facts);
}

static void count_move(struct process_facts *facts, const struct event *event)
{
	struct move_facts
		*moves = &facts->moves[event->flags & FLAG_MALLOC ? BY_MALLOC : BY_DIRECT];
	uint64_t before = event->u.brk.before, after = event->u.brk.after;

	facts->ok[KIND_SBRK]++;
	facts->begun[KIND_SBRK]++;
	moves->grows += after > before;
	moves->shrinks += after < before;
	moves->grown_bytes += after > before ? after - before : 0;
	moves->shrunk_bytes += after < before ? before - after : 0;
}

static void tell_move(char **word)
{
	struct event event = {
		.process = (uint32_t)number(word[1]),
		.tid = (int32_t)number(word[1]),
		.time_ns = number(word[2]) * MS,
		.stack = (uint32_t)number(word[3]),
		.kind = KIND_SBRK,
		.flags = word[6] ? FLAG_MALLOC : 0,
		.u.brk = {.before = BASE + number(word[4]), .after = BASE + number(word[5])},
	};

	feed(&event);
	count_move(&model_process(model, event.process)->facts, &event);
}

static void tell_mapping(char **word, uint8_t kind)
{
	struct event event = {
		.process = (uint32_t)number(word[1]),
		.tid = (int32_t)number(word[1]),
		.time_ns = number(word[2]) * MS,
		.stack = (uint32_t)number(word[3]),
		.kind = kind,
		.flags = kind == KIND_MMAP && word[6] ? FLAG_MALLOC : 0,
		.u.range = {.address = BASE + number(word[4]), .length = number(word[5])},
	};

	if (kind == KIND_MMAP) {
		event.u.mmap.protection = PROT_READ | PROT_WRITE;
		event.u.mmap.flags = MAP_PRIVATE | MAP_ANONYMOUS;
	} else if (kind == KIND_MPROTECT) {
		event.u.range.protection = number(word[6]);
	} else if (kind == KIND_MREMAP) {
		event.u.mremap.new_length = number(word[6]);
		event.u.mremap.result = BASE + number(word[7]);
	}
	feed(&event);
}

static void tell_life(char **word, uint8_t kind)
{
	struct event event = {
		.process = (uint32_t)number(word[1]),
		.tid = (int32_t)number(word[1]),
		.kind = kind,
		.time_ns = number(word[kind == KIND_FORK ? 3 : 2]) * MS,
		.u.life.other = kind == KIND_FORK ? (uint32_t)number(word[2]) : 0,
	};

	if (kind == KIND_EXEC)
		model_process(model, event.process)->facts.state = STATE_EXEC;
	feed(&event);
}

static void tell_usage(char **word)
{
	struct identity_facts facts = {
		.instance = (uint32_t)number(word[1]),
		.real_uid = UINT32_MAX,
		.effective_uid = UINT32_MAX,
		.usage =
			{
				.samples = 1,
				.sampled_ns = number(word[2]) * MS,
				.resident_peak_bytes = number(word[3]),
				.anonymous_peak_bytes = number(word[4]),
				.anonymous_bytes = number(word[4]),
				.faults = number(word[5]),
				.cpu_ns = number(word[6]) * MS,
				.waited_ns = number(word[7]) * MS,
				.heap_known = word[8] != NULL,
				.heap_free_bytes = number(word[8]),
				.heap_bytes = number(word[9]),
			},
	};

	model_add_identity(model, &facts);
}

static void tell_stack(char **word)
{
	struct module_facts module = {.number = (uint32_t)number(word[1])};
	struct frame_facts frame = {.number = (uint32_t)number(word[1]),
				    .outer = (uint32_t)number(word[2])};

	if (word[0][0] == 'm') {
		snprintf(module.path, sizeof module.path, "%s", word[2]);
		model_add_module(model, &module);
		return;
	}
	frame.module = (uint32_t)number(word[3]);
	frame.offset = number(word[4]);
	model_add_frame(model, &frame);
}

static void tell(char **word)
{
	const char *what = word[0];

	if (strcmp(what, "process") == 0)
		tell_process(word);
	else if (strcmp(what, "command") == 0)
		snprintf(command, sizeof command, "%s", word[1]);
	else if (strcmp(what, "module") == 0 || strcmp(what, "frame") == 0)
		tell_stack(word);
	else if (strcmp(what, "lost") == 0)
		model_add_loss(model, LOST_OVERWRITTEN, number(word[1]));
	else if (strcmp(what, "move") == 0)
		tell_move(word);
	else if (strcmp(what, "usage") == 0)
		tell_usage(word);
	else if (strcmp(what, "map") == 0)
		tell_mapping(word, KIND_MMAP);
	else if (strcmp(what, "unmap") == 0)
		tell_mapping(word, KIND_MUNMAP);
	else if (strcmp(what, "protect") == 0)
		tell_mapping(word, KIND_MPROTECT);
	else if (strcmp(what, "remap") == 0)
		tell_mapping(word, KIND_MREMAP);
	else if (strcmp(what, "fork") == 0)
		tell_life(word, KIND_FORK);
	else if (strcmp(what, "exec") == 0)
		tell_life(word, KIND_EXEC);
	else
		exit(2);
}

static void print_sparks(void)
{
	uint64_t high[SPARK_PIECES];

	for (uint32_t i = 1; i < model->processes.instance_capacity; i++) {
		const struct model_process *process = model_process(model, i);

		if (!process || !spark_pieces(&process->spark, high))
			continue;
		printf("spark %u", i);
		for (unsigned piece = 0; piece < SPARK_PIECES; piece++)
			printf(" %llu", (unsigned long long)high[piece]);
		printf("\n");
	}
}

static void conclude(void)
{
	static const char *const severities[] = {"error", "warning", "note"};

	model->session.duration_ns = end_ns;
	model_finalize(model);
	for (uint32_t i = 0; i < model->sites.count; i++)
		printf("site %u %llu %llu %llu\n", model->sites.rows[i].stack,
		       (unsigned long long)model->sites.rows[i].kept_bytes,
		       (unsigned long long)model->sites.rows[i].peak_bytes,
		       (unsigned long long)model->sites.rows[i].bytes);
	printf("unknown %llu %llu\n", (unsigned long long)model->sites.unknown_kept_bytes,
	       (unsigned long long)model->sites.unknown_peak_bytes);
	for (uint32_t i = 0; i < model->findings.count; i++) {
		const struct finding *finding = &model->findings.rows[i];

		printf("finding %s %s %u %s | %s\n", model_finding_name(finding->kind),
		       severities[finding->severity], finding->stack, finding->text,
		       finding->advice);
	}
	print_sparks();
}

int main(void)
{
	struct session_facts session = {
		.name = "story", .state = SESSION_ENDED, .page_bytes = 4096};
	char line[512];

	model = model_make(&session);
	while (model && fgets(line, sizeof line, stdin)) {
		char *word[WORDS + 1] = {NULL}, *save = NULL;
		int count = 0;

		for (char *at = strtok_r(line, " \n", &save); at && count < WORDS;
		     at = strtok_r(NULL, " \n", &save))
			word[count++] = at;
		if (count)
			tell(word);
	}
	if (!model)
		return 1;
	conclude();
	model_free(model);
	return 0;
}
