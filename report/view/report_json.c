/* SPDX-License-Identifier: MIT */
/* The report for programs. Every member is always present; a value that is not known is null. */
#include "report/view/report_json.h"

#include <stdlib.h>

#include "report/model/findings_group.h"
#include "report/model/place.h"
#include "report/view/json_members.h"
#include "report/view/partial.h"
#include "report/view/report_mapped.h"
#include "report/view/report_objects.h"
#include "report/view/report_segments.h"
#include "report/view/sites.h"
#include "report/view/stack.h"
#include "report/view/stack_table.h"

static const char *const severities[] = {"error", "warning", "note"};

/* ---- session ---- */

static void report_json_put_command(struct json *json, const struct session_facts *session)
{
	const char *word = session->command, *end = session->command + session->command_bytes;

	json_open(json, "command", '[');
	for (; word < end; word += strlen(word) + 1)
		json_text(json, NULL, word);
	json_close(json, ']');
}

static void report_json_put_exit(struct json *json, const struct session_facts *session)
{
	if (!session->finished) {
		json_null(json, "exit");
		return;
	}
	json_open(json, "exit", '{');
	json_number_or_null(json, "status", session->exit_status >= 0 && !session->exit_signal,
			    (uint64_t)session->exit_status);
	json_number_or_null(json, "signal", session->exit_signal > 0,
			    (uint64_t)session->exit_signal);
	json_close(json, '}');
}

static void report_json_put_session(struct json *json, const struct session_facts *session)
{
	json_open(json, "session", '{');
	json_session(json, session);
	json_number(json, "duration_ns", session->duration_ns);
	json_text(json, "host", session->host);
	json_text(json, "kernel", session->kernel);
	json_text(json, "machine", session->machine);
	json_number(json, "page_size", session->page_bytes);
	report_json_put_command(json, session);
	report_json_put_exit(json, session);
	json_number_or_null(json, "recorder_pid", session->recorder_pid > 0,
			    (uint64_t)session->recorder_pid);
	json_number_or_null(json, "command_pid", session->command_pid > 0,
			    (uint64_t)session->command_pid);
	json_close(json, '}');
}

/* ---- coverage ---- */

static void report_json_put_lost(struct json *json, const struct model *model)
{
	json_open(json, "lost", '{');
	for (unsigned loss = 0; loss < LOST_COUNT; loss++)
		if (loss != LOST_BAD_SETTING && loss != LOST_NOT_REDIRECTED)
			json_number(json, loss_name(loss), model->losses.lost[loss]);
	json_close(json, '}');
}

static void report_json_put_coverage(struct json *json, const struct model *model,
				     const struct filter *filter)
{
	static const char *const levels[] = {"none", "calls", "full"};

	json_open(json, "coverage", '{');
	json_text(json, "level", levels[model->losses.level]);
	json_number(json, "events", model->event_count);
	report_json_put_lost(json, model);
	json_number(json, "in_flight", model->losses.in_flight);
	json_number(json, "unseen_moves", model->losses.unseen_moves);
	partial_json(json, model, filter);
	json_number(json, "bad_settings", model->losses.lost[LOST_BAD_SETTING]);
	json_open(json, "not_followed", '[');
	for (uint32_t i = 0; i < model->processes.unfollowed_count; i++) {
		json_open(json, NULL, '{');
		json_signed(json, "pid", model->processes.unfollowed[i].pid);
		json_text(json, "exe", model->processes.unfollowed[i].exe);
		json_text(json, "why", model->processes.unfollowed[i].why);
		json_signed(json, "ppid", model->processes.unfollowed[i].ppid);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
}

/* ---- processes ---- */

static void report_json_put_origins(struct json *json, const struct process_facts *facts)
{
	static const char *const origins[BY_COUNT] = {"direct", "malloc"};

	json_open(json, "by_origin", '{');
	for (int by = 0; by < BY_COUNT; by++) {
		const struct move_facts *moves = &facts->moves[by];

		json_open(json, origins[by], '{');
		json_number(json, "moves", moves->grows + moves->shrinks + moves->stills);
		json_number(json, "grown_bytes", moves->grown_bytes);
		json_number(json, "shrunk_bytes", moves->shrunk_bytes);
		json_number(json, "grows", moves->grows);
		json_number(json, "shrinks", moves->shrinks);
		json_close(json, '}');
	}
	json_close(json, '}');
}

static void report_json_put_break(struct json *json, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	const struct move_facts *m = facts->moves;
	uint64_t start = facts->break_initial, peak = facts->break_peak;

	json_open(json, "break", '{');
	json_address(json, "initial", start);
	json_address(json, "current", facts->break_current);
	json_address(json, "peak", peak);
	json_signed(json, "net_bytes", (int64_t)(facts->break_current - start));
	json_number(json, "peak_bytes", peak > start ? peak - start : 0);
	json_number(json, "grown_bytes", model_grown(facts));
	json_number(json, "shrunk_bytes", model_shrunk(facts));
	json_number(json, "moves", model_moves(facts));
	json_number(json, "grows", m[BY_DIRECT].grows + m[BY_MALLOC].grows);
	json_number(json, "shrinks", m[BY_DIRECT].shrinks + m[BY_MALLOC].shrinks);
	json_number(json, "queries", facts->queries);
	json_number(json, "failures", facts->failed[KIND_BRK] + facts->failed[KIND_SBRK]);
	json_signed(json, "before_load_bytes", (int64_t)(facts->break_at_start - start));
	json_number_or_null(json, "headroom_bytes", process->headroom_known,
			    process->headroom_bytes);
	report_json_put_origins(json, facts);
	json_close(json, '}');
}

static void report_json_put_calls(struct json *json, const struct process_facts *facts)
{
	json_open(json, "calls", '{');
	for (unsigned call = 0; call < KIND_CALLS; call++) {
		json_open(json, event_name(call), '{');
		json_number(json, "ok", facts->ok[call]);
		json_number(json, "failed", facts->failed[call]);
		json_close(json, '}');
	}
	json_close(json, '}');
}

static void report_json_put_attached(struct json *json, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;
	bool runs = facts->state == STATE_RUNNING;

	json_open(json, "attached", '{');
	json_number(json, "now", runs ? facts->attached : 0);
	json_number(json, "now_bytes", runs ? process->attached_bytes : 0);
	json_number(json, "peak", facts->attached_peak);
	json_number(json, "peak_bytes", process->attached_peak_bytes);
	json_number(json, "inherited", facts->inherited);
	json_close(json, '}');
}

static void report_json_put_usage(struct json *json, const struct usage_facts *usage)
{
	if (!usage->samples && !usage->faults && !usage->cpu_ns && !usage->resident_peak_bytes) {
		json_null(json, "usage");
		return;
	}
	json_open(json, "usage", '{');
	json_number(json, "samples", usage->samples);
	json_number_or_null(json, "sampled_ns", usage->samples, usage->sampled_ns);
	json_number(json, "faults", usage->faults);
	json_number(json, "cpu_ns", usage->cpu_ns);
	json_number(json, "waited_ns", usage->waited_ns);
	json_number_or_null(json, "resident_peak_bytes", usage->resident_peak_bytes != 0,
			    usage->resident_peak_bytes);
	json_number_or_null(json, "anonymous_bytes", usage->samples, usage->anonymous_bytes);
	json_number_or_null(json, "anonymous_peak_bytes", usage->samples,
			    usage->anonymous_peak_bytes);
	json_number_or_null(json, "heap_free_bytes", usage->heap_known, usage->heap_free_bytes);
	json_close(json, '}');
}

/* Memory that is in no file, when it was largest, and how much of it the break may explain. */
static void report_json_put_anonymous(struct json *json, const struct usage_facts *usage)
{
	if (!usage->samples) {
		json_null(json, "anonymous");
		return;
	}
	json_open(json, "anonymous", '{');
	json_number(json, "peak_bytes", usage->anonymous_peak_bytes);
	json_number(json, "at_ns", usage->anonymous_peak_ns);
	json_number(json, "break_bytes_then", usage->break_bytes_then);
	json_number(json, "samples", usage->samples);
	json_close(json, '}');
}

static void report_json_put_ending(struct json *json, const struct process_facts *facts)
{
	static const char *const states[] = {"running", "exited", "killed", "exec", "gone"};
	bool exited = facts->state == STATE_EXITED && facts->exit_status >= 0;

	json_number(json, "start_ns", facts->start_ns);
	json_number_or_null(json, "end_ns", facts->ended, facts->end_ns);
	json_text(json, "state", states[facts->state]);
	json_number_or_null(json, "exit_status", exited, (uint64_t)facts->exit_status);
	json_number_or_null(json, "signal", facts->state == STATE_KILLED,
			    (uint64_t)facts->exit_signal);
}

static void report_json_put_process(struct json *json, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;

	json_open(json, NULL, '{');
	json_signed(json, "pid", facts->pid);
	if (facts->host_pid && facts->host_pid != facts->pid)
		json_signed(json, "host_pid", facts->host_pid);
	json_signed(json, "ppid", facts->ppid);
	json_number(json, "image", facts->image);
	json_text(json, "exe", facts->exe);
	json_text(json, "comm", facts->comm);
	json_text(json, "cmdline", facts->cmdline);
	json_text_or_null(json, "title", process->title[0] ? process->title : NULL);
	json_number(json, "uid", facts->uid);
	json_bool(json, "forked", facts->forked);
	json_number_or_null(json, "ipc_namespace", facts->ipc_namespace != 0, facts->ipc_namespace);
	report_json_put_ending(json, facts);
	report_json_put_break(json, process);
	report_json_put_calls(json, facts);
	report_json_put_attached(json, process);
	report_json_put_usage(json, &process->identity.usage);
	report_json_put_anonymous(json, &process->identity.usage);
	report_mapped_json(json, process);
	json_number(json, "events", process->event_count);
	json_close(json, '}');
}

static void report_json_put_processes(struct json *json, const struct model *model,
				      const struct filter *filter)
{
	json_open(json, "processes", '[');
	for (uint32_t i = 1; i < model->processes.instance_capacity; i++)
		if (model->processes.by_instance[i] &&
		    filter_process(filter, model->processes.by_instance[i]))
			report_json_put_process(json, model->processes.by_instance[i]);
	json_close(json, ']');
}

/* ---- findings ---- */

static void report_json_put_place(struct json *json, const struct model *model,
				  const struct finding *finding)
{
	char *command = finding_command(model, finding);
	const char *program = finding->program[0];
	struct place place;
	char text[320];

	place_of_stack(model, finding->stack_instance, finding->stack, &place);
	json_text_or_null(json, "program", program && *program ? program : NULL);
	json_text_or_null(json, "where",
			  *place.function ? place_words(&place, text, sizeof text) : NULL);
	json_text_or_null(json, "command", command);
	free(command);
	place.function[0] = '\0';
	if (finding->failure && finding->failure->most_stack)
		place_of_stack(model, finding->failure->most_instance, finding->failure->most_stack,
			       &place);
	json_text_or_null(json, "created_most_where",
			  *place.function ? place_words(&place, text, sizeof text) : NULL);
}

static void report_json_put_finding(struct json *json, const struct model *model,
				    const struct finding *finding)
{
	bool is_known = finding->shmid >= 0;

	json_open(json, NULL, '{');
	json_text(json, "kind", model_finding_name(finding->kind));
	json_text(json, "severity", severities[finding->severity]);
	json_text(json, "text", finding->text ? finding->text : "");
	json_text(json, "advice", finding->advice ? finding->advice : "");
	json_text(json, "headline", finding->headline ? finding->headline : "");
	json_bool(json, "routine", finding_is_routine(finding));
	json_number(json, "count", finding->count);
	json_number(json, "bytes", finding->bytes);
	json_open(json, "ids", '[');
	for (uint32_t i = 0; i < finding->id_count; i++)
		json_signed(json, NULL, finding->ids[i]);
	json_close(json, ']');
	report_json_put_place(json, model, finding);
	json_signed_or_null(json, "pid", finding->pid != 0, finding->pid);
	json_signed_or_null(json, "shmid", is_known && finding->object_kind == SHARED_MEMORY,
			    finding->shmid);
	json_signed_or_null(json, "semid", is_known && finding->object_kind == SEMAPHORE_SET,
			    finding->shmid);
	json_signed_or_null(json, "msqid", is_known && finding->object_kind == MESSAGE_QUEUE,
			    finding->shmid);
	json_number_or_null(json, "stack_id", finding->stack != 0, finding->stack);
	report_stack_json(json, model, finding->stack_instance, finding->stack);
	json_close(json, '}');
}

static void report_json_put_findings(struct json *json, const struct model *model)
{
	json_open(json, "findings", '[');
	for (uint32_t i = 0; i < model->findings.count; i++)
		report_json_put_finding(json, model, &model->findings.rows[i]);
	json_close(json, ']');
	json_number(json, "suppressed", model->findings.suppressed_count);
	json_number(json, "findings_omitted", model->findings.omitted_count);
}

void report_json(struct out *out, const struct model *model, const struct filter *filter,
		 const char *version)
{
	struct json json = {out, false};

	json_open(&json, NULL, '{');
	json_number(&json, "schema", 1);
	json_text(&json, "memshim", version);
	report_json_put_session(&json, &model->session);
	report_json_put_coverage(&json, model, filter);
	report_json_put_processes(&json, model, filter);
	report_segments_json(&json, model, filter);
	report_objects_json(&json, model, filter);
	sites_json(&json, model, filter);
	report_json_put_findings(&json, model);
	stack_table_json(&json, model, filter);
	json_close(&json, '}');
	out_char(out, '\n');
}
