/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a recording or a segment: everything that reads one, and every view of it, without
 * a crash, a hang or a huge allocation. Built as a libFuzzer target by `make fuzz`, and with
 * tests/fuzz/replay.c as a program that reads the files it is given.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "report/load.h"
#include "report/model/zones.h"
#include "report/view/events.h"
#include "report/view/flame.h"
#include "report/view/map.h"
#include "report/view/report.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

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

static void show_events(const char *path)
{
	struct load load;
	const struct event *event;
	enum event_column columns[EVENT_COLUMN_COUNT];

	if (load_open(&load, path, false) != 0)
		return;
	for (int i = 0; i < EVENT_COLUMN_COUNT; i++)
		columns[i] = (enum event_column)i;
	load_stacks(&load);
	nowhere();
	for (int i = 0; i < 100000; i++) {
		enum cursor_answer answer = cursor_next(load.cursor, &event);
		struct event_view view = {.event = event, .model = load.model};

		if (answer == CURSOR_OVERRUN)
			continue;
		if (answer != CURSOR_MORE)
			break;
		model_feed(load.model, event);
		view.process = model_process(load.model, event->process);
		view.segment = model_event_segment(load.model, event);
		events_text(&out, &view, i % 2, true);
		events_json(&out, &view);
		events_csv(&out, &view, columns, EVENT_COLUMN_COUNT);
	}
	out_finish(&out);
	load_close(&load);
}

/* Of the first processes: each has its picture. */
static void show_maps(const struct model *model)
{
	struct map_wish wish = {.all = false};

	for (uint32_t i = 1; i < model->instance_room && i < 12; i++) {
		struct zones *zones = model_process(model, i)
					      ? zones_recorded(model, model_process(model, i))
					      : NULL;

		if (!zones)
			continue;
		wish.scale = i % 2;
		map_text(&out, zones, &wish);
		map_json(&out, zones);
		zones_free(zones);
	}
}

static void show_report(const char *path)
{
	struct filter filter = {0};
	struct report_wish wish = {.filter = &filter, .path = path};
	struct load load;

	if (load_all(&load, path) != 0)
		return;
	report_text(nowhere(), load.model, &wish);
	report_json(&out, load.model, &filter, "0");
	flame_folded(&out, load.model, &filter, false);
	flame_svg(&out, load.model, &filter);
	show_maps(load.model);
	out_finish(&out);
	load_close(&load);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/dev/shm/memshim-fuzz-%ld.data", (long)getpid());
	if (save(path, data, size)) {
		show_events(path);
		show_report(path);
	}
	unlink(path);
	return 0;
}
