/* SPDX-License-Identifier: MIT */
#include "report/view/page.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "report/util/error.h"
#include "report/util/output_file.h"

#define WIDTH_DEFAULT 80u
#define WIDTH_MIN 40u

static unsigned page_width(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	unsigned wide = 0;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0)
		wide = size.ws_col;
	if (wide == 0 && columns)
		wide = (unsigned)strtoul(columns, NULL, 10);
	if (wide == 0 || wide > 10000)
		return WIDTH_DEFAULT;
	return wide < WIDTH_MIN ? WIDTH_MIN : wide;
}

static bool wants_color(int fd, enum color_when when)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (when != COLOR_AUTO)
		return when == COLOR_ALWAYS;
	return isatty(fd) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

/*
 * Ignore SIGPIPE: a closed pipe becomes a write error, so that no file is left half done. Then
 * out_finish ends the process by SIGPIPE, unless the caller had ignored that signal.
 */
static void ignore_broken_pipes(struct out *out)
{
	static bool done, dies;

	if (!done)
		dies = signal(SIGPIPE, SIG_IGN) == SIG_DFL;
	done = true;
	out->dies_of_pipe = dies;
}

static void page_fill(struct out *out, int fd, const char *name, enum color_when color)
{
	setlocale(LC_CTYPE, "");
	out->fd = fd;
	out->name = name;
	out->color = wants_color(fd, color);
	out->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	out->width = page_width(fd);
}

struct out *page_begin(enum color_when color)
{
	static struct out out;

	ignore_broken_pipes(&out);
	page_fill(&out, STDOUT_FILENO, "standard output", color);
	return &out;
}

struct out *page_messages(void)
{
	static struct out out;

	page_fill(&out, STDERR_FILENO, "standard error", COLOR_AUTO);
	return &out;
}

struct out *page_file(const char *path)
{
	static struct output_file file;
	static struct out out;

	if (!output_file_open(&file, AT_FDCWD, path)) {
		error_line(path, output_file_error(errno));
		return NULL;
	}
	ignore_broken_pipes(&out); /* standard output may be a pipe that the caller opened */
	out.fd = file.fd;
	out.file = &file;
	out.name = path;
	out.utf8 = true;
	out.width = WIDTH_DEFAULT;
	return &out;
}
