/* SPDX-License-Identifier: MIT */
/*
 * Reads any bytes as a recording or a segment, by all code that reads one, and draws every view of
 * it, without a crash, a hang or a huge allocation. `make fuzz` builds it as a libFuzzer target;
 * with tests/fuzz/replay.c it is a program that reads the files it is given.
 *
 * A segment is mostly empty, and too long to be tried often. So an input may also be
 *
 *   SPARSE    "SPARSE01", u32 bytes of the file, then pieces: u32 offset, u32 length, their bytes
 *   a pair    "PAIRED01", u32 length, that much of an unfinished recording, its segment as SPARSE
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "preload/segment/layout.h"
#include "report/model/apply_event.h"
#include "report/model/copy.h"
#include "report/model/finalize.h"
#include "report/model/holders.h"
#include "report/model/kernel_snapshots.h"
#include "report/model/zones.h"
#include "report/model/zones_recorded.h"
#include "report/session/session.h"
#include "report/view/events_csv.h"
#include "report/view/events_json.h"
#include "report/view/events_text.h"
#include "report/view/flame.h"
#include "report/view/graph_formats.h"
#include "report/view/graph_text.h"
#include "report/view/map_json.h"
#include "report/view/map_text.h"
#include "report/view/report_json.h"
#include "report/view/report_text.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#define FILE_MOST (4u << 20)

static struct out out;

static struct out *nowhere(void)
{
	out = (struct out){.fd = open("/dev/null", O_WRONLY | O_CLOEXEC),
			   .name = "/dev/null",
			   .utf8 = true,
			   .color = true,
			   .width = 100};
	return &out;
}

static bool save(const char *path, const unsigned char *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool whole = fd >= 0 && write(fd, data, size) == (ssize_t)size;

	if (fd >= 0)
		close(fd);
	return whole;
}

static uint32_t number(const unsigned char *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof n);
	return n;
}

static bool is(const unsigned char *data, size_t size, const char *magic)
{
	return size >= 12 && memcmp(data, magic, 8) == 0;
}

static bool save_sparse(const char *path, const unsigned char *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const unsigned char *end = data + size;
	bool ok = fd >= 0 && ftruncate(fd, number(data + 8) % FILE_MOST) == 0;

	for (data += 12; ok && end - data > 8; data += 8 + number(data + 4)) {
		size_t left = (size_t)(end - data) - 8;
		size_t bytes = number(data + 4) < left ? number(data + 4) : left;

		ok = pwrite(fd, data + 8, bytes, number(data) % FILE_MOST) == (ssize_t)bytes &&
		     bytes == number(data + 4);
	}
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The recording names its segment by a path, which differs in each process. */
static bool save_pair(const char *path, const char *segment, const unsigned char *data, size_t size)
{
	size_t length = number(data + 8);
	char peer[sizeof((struct segment_header *)0)->peer_path] = "";
	int fd;

	data += 12;
	size -= 12;
	if (length > size || length < SEGMENT_HEADER_BYTES || size - length < 12 ||
	    !save(path, data, length) || !save_sparse(segment, data + length, size - length))
		return false;
	snprintf(peer, sizeof peer, "%s", segment);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	size = (size_t)pwrite(fd, peer, sizeof peer, offsetof(struct segment_header, peer_path));
	close(fd);
	return size == sizeof peer;
}

static bool save_any(const char *path, const char *segment, const unsigned char *data, size_t size)
{
	if (is(data, size, "SPARSE01"))
		return save_sparse(path, data, size);
	if (is(data, size, "PAIRED01"))
		return save_pair(path, segment, data, size);
	return save(path, data, size);
}

static void show_events(const char *path)
{
	struct session session;
	const struct event *event;
	enum event_column columns[EVENT_COLUMN_COUNT];

	if (session_open(&session, path, false) != 0)
		return;
	for (int i = 0; i < EVENT_COLUMN_COUNT; i++)
		columns[i] = (enum event_column)i;
	session_stacks(&session);
	nowhere();
	for (int i = 0; i < 100000; i++) {
		enum cursor_answer answer = cursor_next(session.cursor, &event);
		struct event_view view = {.event = event, .model = session.model};

		if (answer == CURSOR_OVERRUN)
			continue;
		if (answer != CURSOR_MORE)
			break;
		model_add_event(session.model, event);
		view.process = model_process(session.model, event->process);
		view.segment = model_event_segment(session.model, event);
		events_text(&out, &view, i % 2, true);
		events_json(&out, &view, true);
		events_csv(&out, &view, columns, EVENT_COLUMN_COUNT);
	}
	out_finish(&out);
	session_close(&session);
}

/* Draws the map of each of the first processes. */
static void show_maps(const struct model *model)
{
	struct map_options options = {.all = false};

	for (uint32_t i = 1; i < model->processes.instance_capacity && i < 12; i++) {
		struct zones *zones = model_process(model, i)
					      ? zones_recorded(model, model_process(model, i))
					      : NULL;

		if (!zones)
			continue;
		options.scale = i % 2;
		map_text(&out, zones, &options);
		map_json(&out, zones);
		zones_free(zones);
	}
}

static void show_graph(const struct model *model)
{
	struct filter filter = {0};
	struct graph graph = {0};

	graph_draw(&graph, model, &filter);
	graph_text(&out, &graph, model);
	graph_json(&out, &graph, model);
	graph_free(&graph);
}

static void show_report(const char *path)
{
	struct filter filter = {0};
	struct report_options options = {.filter = &filter, .path = path};
	struct session session;

	if (session_all(&session, path) != 0)
		return;
	report_text(nowhere(), session.model, &options);
	report_json(&out, session.model, &filter, "0");
	flame_folded(&out, session.model, &filter, false);
	flame_svg(&out, session.model, &filter, FLAME_OF_DEFAULT);
	show_maps(session.model);
	show_graph(session.model);
	out_finish(&out);
	session_close(&session);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char path[64], segment[64];

	snprintf(path, sizeof path, "/dev/shm/memshim-fuzz-%ld.data", (long)getpid());
	snprintf(segment, sizeof segment, "/dev/shm/memshim-fuzz-%ld.peer", (long)getpid());
	if (save_any(path, segment, data, size)) {
		show_events(path);
		show_report(path);
	}
	unlink(path);
	unlink(segment);
	return 0;
}
