/* SPDX-License-Identifier: MIT */
/* The report for programs: the shape that its readers rely on, every member always there. */
#include "report/view/sites.h"
#include "report/view/stack.h"
#include "report/view/json.h"
#include "report/view/report.h"
#include "report/view/words.h"

static const char *const how_ended[] = {"shmdt", "exec", "exit"};
static const char *const severities[] = {"error", "warning", "note"};

/* ---- session ---- */

static void put_command(struct json *json, const struct session_facts *session)
{
	const char *word = session->command, *end = session->command + session->command_bytes;

	json_open(json, "command", '[');
	for (; word < end; word += strlen(word) + 1)
		json_text(json, NULL, word);
	json_close(json, ']');
}

static void put_exit(struct json *json, const struct session_facts *session)
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

static void put_session(struct json *json, const struct session_facts *session)
{
	static const char *const states[] = {"live", "ended", "abandoned"};
	char started[64];

	json_open(json, "session", '{');
	json_text(json, "name", session->name);
	json_text(json, "state", states[session->state]);
	json_text(json, "started", words_time(session->started_realtime_ns, started));
	json_number(json, "duration_ns", session->duration_ns);
	json_text(json, "host", session->host);
	json_text(json, "kernel", session->kernel);
	json_text(json, "machine", session->machine);
	json_number(json, "page_size", session->page_bytes);
	put_command(json, session);
	put_exit(json, session);
	json_number_or_null(json, "recorder_pid", session->recorder_pid > 0,
			    (uint64_t)session->recorder_pid);
	json_number_or_null(json, "command_pid", session->command_pid > 0,
			    (uint64_t)session->command_pid);
	json_close(json, '}');
}

/* ---- coverage ---- */

static void put_lost(struct json *json, const struct model *model)
{
	json_open(json, "lost", '{');
	for (unsigned loss = 0; loss < LOST_COUNT; loss++)
		if (loss != LOST_BAD_SETTING && loss != LOST_NOT_REDIRECTED)
			json_number(json, loss_name(loss), model->lost[loss]);
	json_close(json, '}');
}

static void put_coverage(struct json *json, const struct model *model)
{
	static const char *const levels[] = {"none", "calls", "full"};

	json_open(json, "coverage", '{');
	json_text(json, "level", levels[model->level]);
	json_number(json, "events", model->event_count);
	put_lost(json, model);
	json_number(json, "in_flight", model->in_flight);
	json_number(json, "unseen_moves", model->unseen_moves);
	json_number(json, "bad_settings", model->lost[LOST_BAD_SETTING]);
	json_open(json, "not_followed", '[');
	for (uint32_t i = 0; i < model->witness_count; i++) {
		json_open(json, NULL, '{');
		json_signed(json, "pid", model->witnesses[i].pid);
		json_text(json, "exe", model->witnesses[i].exe);
		json_text(json, "why", model->witnesses[i].why);
		json_signed(json, "ppid", model->witnesses[i].ppid);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
}

/* ---- processes ---- */

static void put_origins(struct json *json, const struct process_facts *facts)
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

static void put_break(struct json *json, const struct model_process *process)
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
	put_origins(json, facts);
	json_close(json, '}');
}

static void put_calls(struct json *json, const struct process_facts *facts)
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

static void put_attached(struct json *json, const struct model_process *process)
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

static void put_ending(struct json *json, const struct process_facts *facts)
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

static void put_process(struct json *json, const struct model_process *process)
{
	const struct process_facts *facts = &process->facts;

	json_open(json, NULL, '{');
	json_signed(json, "pid", facts->pid);
	json_signed(json, "ppid", facts->ppid);
	json_number(json, "image", facts->image);
	json_text(json, "exe", facts->exe);
	json_text(json, "comm", facts->comm);
	json_text(json, "cmdline", facts->cmdline);
	json_number(json, "uid", facts->uid);
	json_bool(json, "forked", facts->forked);
	put_ending(json, facts);
	put_break(json, process);
	put_calls(json, facts);
	put_attached(json, process);
	json_number(json, "events", process->event_count);
	json_close(json, '}');
}

static void put_processes(struct json *json, const struct model *model,
			  const struct filter *filter)
{
	json_open(json, "processes", '[');
	for (uint32_t i = 1; i < model->instance_room; i++)
		if (model->by_instance[i] && filter_process(filter, model->by_instance[i]))
			put_process(json, model->by_instance[i]);
	json_close(json, ']');
}

/* ---- segments ---- */

static void put_flags(struct json *json, const struct model_segment *segment)
{
	json_name(json, "flags");
	words_flags_json(json->out, segment->flags_known ? segment->flags : 0, words_get_flags,
			 true);
}

static void put_mode(struct json *json, const struct model_segment *segment)
{
	uint32_t mode = segment->in_kernel ? segment->kernel.mode : segment->flags;

	if (!segment->in_kernel && segment->created == CREATED_NOT) {
		json_null(json, "mode");
		return;
	}
	json_name(json, "mode");
	out_char(json->out, '"');
	out_octal(json->out, mode & 0777, 4);
	out_char(json->out, '"');
}

static void put_stack(struct json *json, const struct model *model, uint32_t instance,
		      uint32_t stack)
{
	if (model_knows_stack(model, stack))
		stack_json(json, "stack", model, instance, stack);
	else
		json_null(json, "stack");
}

static void put_creator(struct json *json, const struct model *model,
			const struct model_segment *segment)
{
	const struct model_process *maker = model_process(model, segment->maker);

	if (segment->created == CREATED_NOT || !maker) {
		json_null(json, "creator");
		return;
	}
	json_open(json, "creator", '{');
	json_signed(json, "pid", maker->facts.pid);
	json_text(json, "exe", maker->facts.exe);
	json_text(json, "cmdline", maker->facts.cmdline);
	put_stack(json, model, segment->maker, segment->maker_stack);
	json_close(json, '}');
}

static void put_removed(struct json *json, const struct model *model,
			const struct model_segment *segment)
{
	const struct model_process *remover = model_process(model, segment->remover);

	if (!segment->removed) {
		json_null(json, "removed");
		return;
	}
	json_open(json, "removed", '{');
	json_number(json, "ns", segment->removed_ns);
	if (remover) {
		json_signed(json, "pid", remover->facts.pid);
		json_text(json, "exe", remover->facts.exe);
	} else {
		json_null(json, "pid");
		json_null(json, "exe");
	}
	put_stack(json, model, segment->remover, segment->remover_stack);
	json_close(json, '}');
}

static void put_owner(struct json *json, const struct model *model,
		      const struct model_segment *segment)
{
	const struct model_process *maker = model_process(model, segment->maker);
	bool made = segment->created != CREATED_NOT && maker && !maker->facts.placeholder;

	json_number_or_null(json, "owner_uid", segment->in_kernel || made,
			    segment->in_kernel ? segment->kernel.owner_uid
			    : made	       ? maker->facts.uid
					       : 0);
}

static void put_nattch(struct json *json, const struct model_segment *segment)
{
	bool gone = segment->state == SEGMENT_DESTROYED;

	json_number_or_null(json, "nattch", segment->in_kernel || gone,
			    gone ? 0 : segment->kernel.nattch);
	json_number(json, "nattch_peak", segment->peak);
	json_number(json, "attached_here", segment->now);
}

static void put_segment(struct json *json, const struct model *model,
			const struct model_segment *segment)
{
	bool created = segment->created != CREATED_NOT;

	json_open(json, NULL, '{');
	json_signed(json, "shmid", segment->shmid);
	if (segment->key_known) {
		json_name(json, "key");
		out_char(json->out, '"');
		words_key_hex(json->out, segment->key);
		out_char(json->out, '"');
	} else {
		json_null(json, "key");
	}
	json_number_or_null(json, "size", segment->size != 0, segment->size);
	put_mode(json, segment);
	put_flags(json, segment);
	put_owner(json, model, segment);
	json_number_or_null(json, "created_ns", created, segment->seen_ns);
	put_creator(json, model, segment);
	json_number(json, "attaches", segment->attaches);
	json_number(json, "detaches", segment->detaches);
	json_number(json, "inherited", segment->inherited);
	put_nattch(json, segment);
	put_removed(json, model, segment);
	json_text(json, "state", report_segment_state(segment));
	json_bool(json, "leaked", segment->leaked);
	json_number_or_null(json, "resident_bytes", segment->in_kernel,
			    segment->kernel.resident_bytes);
	json_number_or_null(json, "swap_bytes", segment->in_kernel, segment->kernel.swap_bytes);
	json_close(json, '}');
}

static void put_segments(struct json *json, const struct model *model, const struct filter *filter)
{
	json_open(json, "segments", '[');
	for (uint32_t i = 0; i < model->segment_count; i++)
		if (filter_segment(filter, model->segments[i]))
			put_segment(json, model, model->segments[i]);
	json_close(json, ']');
}

/* ---- attachments ---- */

static void put_attachment(struct json *json, const struct model_process *process,
			   const struct model_attachment *attachment, const struct model_past *past)
{
	json_open(json, NULL, '{');
	json_signed(json, "pid", process->facts.pid);
	json_signed(json, "shmid", attachment->segment->shmid);
	json_address(json, "address", attachment->address);
	json_number_or_null(json, "size", attachment->segment->size != 0,
			    attachment->segment->size);
	json_bool(json, "readonly", attachment->readonly);
	json_number(json, "since_ns", attachment->since_ns);
	json_text(json, "how", attachment->inherited ? "fork" : "shmat");
	json_bool(json, "live", !past);
	json_number_or_null(json, "until_ns", past != NULL, past ? past->until_ns : 0);
	if (past)
		json_text(json, "ended_by", how_ended[past->how]);
	else
		json_null(json, "ended_by");
	json_close(json, '}');
}

static bool wants(const struct filter *filter, const struct model_process *process,
		  const struct model_attachment *attachment)
{
	return filter_process(filter, process) && filter_segment(filter, attachment->segment);
}

static void put_attachments(struct json *json, const struct model *model,
			    const struct filter *filter)
{
	json_open(json, "attachments", '[');
	for (uint32_t i = 1; i < model->instance_room; i++) {
		const struct model_process *process = model->by_instance[i];

		for (uint32_t k = 0; process && k < process->attached_count; k++)
			if (wants(filter, process, &process->attached[k]))
				put_attachment(json, process, &process->attached[k], NULL);
	}
	for (uint32_t i = 0; i < model->past_count; i++) {
		const struct model_past *past = &model->past[i];

		if (wants(filter, past->process, &past->attachment))
			put_attachment(json, past->process, &past->attachment, past);
	}
	json_close(json, ']');
	json_number(json, "attachments_omitted", model->past_omitted);
}

/* ---- findings ---- */

static void put_findings(struct json *json, const struct model *model)
{
	json_open(json, "findings", '[');
	for (uint32_t i = 0; i < model->finding_count; i++) {
		const struct finding *finding = &model->findings[i];

		json_open(json, NULL, '{');
		json_text(json, "kind", model_finding_name(finding->kind));
		json_text(json, "severity", severities[finding->severity]);
		json_text(json, "text", finding->text ? finding->text : "");
		json_text(json, "advice", finding->advice ? finding->advice : "");
		if (finding->pid)
			json_signed(json, "pid", finding->pid);
		else
			json_null(json, "pid");
		if (finding->shmid >= 0)
			json_signed(json, "shmid", finding->shmid);
		else
			json_null(json, "shmid");
		json_null(json, "stack");
		json_close(json, '}');
	}
	json_close(json, ']');
}

void report_json(struct out *out, const struct model *model, const struct filter *filter,
		 const char *version)
{
	struct json json = {out, false};

	json_open(&json, NULL, '{');
	json_number(&json, "schema", 1);
	json_text(&json, "memshim", version);
	put_session(&json, &model->session);
	put_coverage(&json, model);
	put_processes(&json, model, filter);
	put_segments(&json, model, filter);
	put_attachments(&json, model, filter);
	sites_json(&json, model, filter);
	put_findings(&json, model);
	json_close(&json, '}');
	out_char(out, '\n');
}
