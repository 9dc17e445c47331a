/* SPDX-License-Identifier: MIT */
#include "report/symbols/server.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report/util/error.h"
#include "report/util/format.h"
#include "report/util/printable.h"
#include "report/util/progress.h"

#define URLS "DEBUGINFOD_URLS"
#define LIMIT "DEBUGINFOD_TIMEOUT"
#define LIMIT_S 20
#define REDRAW_NS 100000000

/* From elfutils/debuginfod.h: the build must not need that package. */
struct debuginfod_client;
typedef int progress_function(struct debuginfod_client *client, long done, long all);
typedef int find_function(struct debuginfod_client *client, const unsigned char *id, int id_bytes,
			  char **path);

struct server {
	void *library;
	struct debuginfod_client *client;
	find_function *find[2];                               /* enum server_file */
	const char *(*url)(struct debuginfod_client *client); /* null: the library is too old */
	void (*end)(struct debuginfod_client *client);
	char *urls;
	bool terminal; /* standard error is one: the progress line is redrawn */
	bool complained;
	long limit_s;
	double waited_s; /* on requests that failed */
};

/* The request in progress. It is static since old libraries pass no context to the callback. */
static struct fetching {
	const struct server *server;
	const char *name;
	long done;      /* bytes */
	double moved_s; /* when `done` last grew */
	double drawn_s;
	bool drawn;
} fetching;

static double server_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* ---- the library ---- */

static progress_function server_show_progress;

static bool server_load_library(struct server *server)
{
	struct debuginfod_client *(*begin)(void);
	void (*set_progress)(struct debuginfod_client *, progress_function *);

	server->library = dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!server->library)
		return false;
#define FIND(pointer, name) (*(void **)&(pointer) = dlsym(server->library, "debuginfod_" name))
	FIND(begin, "begin");
	FIND(server->end, "end");
	FIND(server->url, "get_url");
	FIND(set_progress, "set_progressfn");
	FIND(server->find[SERVER_DEBUGINFO], "find_debuginfo");
	FIND(server->find[SERVER_EXECUTABLE], "find_executable");
#undef FIND
	if (!begin || !server->end || !set_progress || !server->find[SERVER_DEBUGINFO] ||
	    !server->find[SERVER_EXECUTABLE] || !(server->client = begin()))
		return false;
	set_progress(server->client, server_show_progress);
	return true;
}

static struct server *server_refuse(struct server *server, const char *why)
{
	error_line("--debuginfod", why);
	server_close(server);
	return NULL;
}

struct server *server_open(void)
{
	struct server *server = calloc(1, sizeof *server);
	const char *urls = getenv(URLS), *limit = getenv(LIMIT);

	if (!server)
		return server_refuse(server, strerror(ENOMEM));
	if (!urls || !*urls)
		return server_refuse(server, URLS " names no server: set it to one");
	server->urls = strdup(urls);
	unsetenv(URLS);
	server->limit_s = limit ? atol(limit) : 0;
	if (server->limit_s <= 0)
		server->limit_s = LIMIT_S;
	server->terminal = isatty(STDERR_FILENO);
	if (!server_load_library(server))
		return server_refuse(server, "libdebuginfod.so.1 cannot be loaded: install it");
	return server;
}

void server_close(struct server *server)
{
	if (!server)
		return;
	if (server->client)
		server->end(server->client);
	if (server->urls)
		setenv(URLS, server->urls, 1);
	free(server->urls);
	free(server);
}

/* ---- asking ---- */

static const char *server_url(const struct server *server)
{
	const char *url = server->url ? server->url(server->client) : NULL;

	return url ? url : server->urls;
}

/* libdebuginfod calls it while it waits. Returns nonzero to give up. */
static int server_show_progress(struct debuginfod_client *client, long done, long all)
{
	const struct server *server = fetching.server;
	double at = server_now();
	char name[256], have[FORMAT_BYTES], whole[FORMAT_BYTES];

	(void)client;
	if (all > 0 && done > fetching.done) { /* without `all`, `done` is not a number of bytes */
		fetching.done = done;
		fetching.moved_s = at;
	}
	if (server->terminal && at - fetching.drawn_s > REDRAW_NS / 1e9) {
		fetching.drawn_s = at;
		fetching.drawn = true;
		printable_copy(name, sizeof name, fetching.name);
		if (all > 0)
			fprintf(stderr, "\rmemshim: %s: %s of %s fetched\033[K", name,
				format_bytes(have, (uint64_t)fetching.done),
				format_bytes(whole, (uint64_t)all));
		else
			fprintf(stderr, "\rmemshim: %s: asking for symbols\033[K", name);
		fflush(stderr);
	}
	return at - fetching.moved_s > (double)server->limit_s;
}

static void server_report_file(const struct server *server, int fd)
{
	char size[FORMAT_BYTES];
	struct stat st;

	if (fetching.drawn)
		fputs("\r\033[K", stderr);
	if (fd >= 0 && fetching.done > 0 && fstat(fd, &st) == 0)
		error_format(fetching.name, "%s fetched from %s",
			     format_bytes(size, (uint64_t)st.st_size), server_url(server));
}

/* ENOENT is not reported: a server need not have the file. */
static void server_complain(struct server *server, int error)
{
	bool enough = server->waited_s >= (double)server->limit_s;

	if (enough)
		error_format("--debuginfod",
			     "%s: no answer in %ld s: the servers are not asked again",
			     server->urls, server->limit_s);
	else if (error != ENOENT && !server->complained)
		error_format("--debuginfod", "%s: %s", server->urls, strerror(error));
	server->complained |= enough || error != ENOENT;
}

int server_find(struct server *server, enum server_file kind, const unsigned char *build_id,
		size_t build_id_bytes, const char *name, char **path)
{
	double begin = server_now();
	int fd;

	*path = NULL;
	if (server->waited_s >= (double)server->limit_s)
		return -1;
	progress_clear();
	fetching = (struct fetching){.server = server, .name = name, .moved_s = begin};
	setenv(URLS, server->urls, 1);
	fd = server->find[kind](server->client, build_id, (int)build_id_bytes, path);
	unsetenv(URLS);
	server_report_file(server, fd);
	if (fd >= 0)
		return fd;
	server->waited_s += server_now() - begin;
	server_complain(server, -fd);
	return -1;
}
