/* SPDX-License-Identifier: MIT */
/*
 * The source map: what is where in report/, one line for a .c file, its header, or both.
 *
 *   main             this map, and which command is meant
 *   command          the commands, but for record
 *   command_env      shell lines for preloading by hand
 *   command_events   the log
 *   command_export   stacks for other tools
 *   command_graph    processes and segments, drawn
 *   command_help     all help, from the tables
 *   command_ipcs     the IPC table
 *   command_ls       the sessions there are
 *   command_reap     removes what a session leaked
 *   command_map      the address space as a picture
 *   command_report   the post-run report
 *   command_top      the live screen
 *   options          the command line of the reading commands
 *   listing          the sessions there are
 *   look             an address space, of a process or of a session
 *   load             from a file to a model, for every command that reads
 *   deep             a stack of its own for what needs much of it
 *   reap             which leaked segments may be removed, and their removal
 *   second           what the kernel says, kept for a while
 *   feed             a session while it goes on, for a screen
 *   summary          what record prints at its end
 *   suppressions     files of known findings
 *   error            one voice for errors, one table of exit codes
 *   human            numbers as people read them
 *   printable        which characters of a stranger's text may reach a terminal
 *   now              the time
 *   names            the names of errors and signals
 *
 * record/: runs a program with the shim
 *   record/record    the command: one thread that waits for whatever comes first
 *   record/options   its command line
 *   record/inspect   whether the shim will see a program
 *   record/checker   whether a sanitizer lets it
 *   record/launch    COMMAND's process, held back until all is ready
 *   record/output    the recording's file, and FILE.old
 *   record/signals   what is sent to the recorder is meant for COMMAND
 *   record/arrivals  takes a process by the hand as soon as it registers
 *   record/watch     the processes that are alive, and how each one ends
 *   record/ending    how somebody else's child ended
 *   record/tree      descendants that run without the shim
 *
 * reader/: what lies there, and never trusted
 *   reader/file      one file, fetched within its real size
 *   reader/guard     a mapping that shrinks is an error, and no SIGBUS
 *   reader/hold      a live segment keeps its length
 *   reader/source    a session: a segment, a recording, or both
 *   reader/chunks    where everything is in a recording
 *   reader/ring      one part of a live log
 *   reader/holes     what a killed recorder had put off
 *   reader/runs      many sorted runs, merged
 *   reader/cursor    all events in the order of time, live or finished
 *   reader/follow    those of a session that goes on
 *   reader/following   what these two share
 *   reader/event     one event, as it is handed on
 *   reader/facts     everything else that is handed on
 *   reader/tables    processes, attachments, ledger, stacks, row by row
 *   reader/timescale from the session's clock to nanoseconds
 *   reader/alive     whether a process still runs
 *   reader/timens    clocks and start times across time namespaces
 *   reader/find      which session is meant
 *   reader/kernel    the second witness: what the kernel says
 *   reader/sysvipc   the kernel's tables of segments, queues and semaphores
 *   reader/holders   who has a segment attached, by everybody's maps
 *   reader/maps      an address space, mapping by mapping:
 *   reader/mapping     one of them
 *   reader/proc      what is asked of /proc about others
 *   reader/witness   why a process was not followed, in words
 *   reader/inside    what the files of this room share
 *   reader/make      for the recorder: a session's beginning and end
 *   reader/drain     for the recorder: from the log into the recording
 *   reader/draining  what those two share
 *   reader/breaks    the break of an image, by the kernel
 *   reader/drift     for the recorder: breaks that moved without a call
 *   reader/greetings for the recorder: who called on it
 *   reader/slots     for the recorder: who came, who ended
 *   reader/warm      for the recorder: pages made ready ahead of writers
 *   reader/sights    for the recorder: what the kernel says at single calls
 *   reader/recording writes a recording's chunks
 *
 * model/: what happened, put together; no input, no output
 *   model/model      all of it, and the processes
 *   model/feed       what an event changes
 *   model/segments   who made, changed and removed what
 *   model/attachments who has what attached, and how it came and went
 *   model/stacks     call stacks, modules, names
 *   model/sites      what each call stack did
 *   model/holders    who maps a segment, by the kernel
 *   model/findings   what is worth a remark
 *   model/findings_segments about segments and who holds them
 *   model/explain    why one call failed, by what was known at that moment:
 *   model/explain_attach shmat, shmdt, shmctl
 *   model/explain_break brk, sbrk
 *   model/explaining   what these share
 *   model/sights     why, by what the recorder saw right after it
 *   model/suppress   takes out findings that are known
 *   model/failures   about failed calls: which rule or limit
 *   model/finish     what only the end can tell
 *   model/graph      processes and the segments between them
 *   model/ipc        the machine's IPC table, and who made what
 *   model/copy       a model to draw conclusions from, while it goes on
 *   model/trend      the breaks over time, and rates
 *   model/filter     what the user wants to see
 *   model/zones      an address space, and what each piece is for
 *   model/zones_recorded the same, of a session
 *   model/inside     what the files of this room share
 *
 * symbols/: from addresses to functions and lines
 *   symbols/symbols  by libdw
 *   symbols/files    what was loaded, if it is still that, and its debug files
 *   symbols/cache    names that take long to find
 *   symbols/server   files by build id, from debuginfod
 *   symbols/demangle C++ and older Rust names
 *   symbols/rust     Rust's own mangling
 *   symbols/rust_text its letters, and what comes out
 *
 * top/: the live screen
 *   top/top          the loop: events, conclusions, drawing, keys
 *   top/act          what keys do
 *   top/keys         which key that is
 *   top/draw         head, list or page, foot
 *   top/rows         the lists' rows and cells
 *   top/list         a table that scrolls
 *   top/detail       pages about one thing
 *   top/sheet        lines that scroll
 *   top/chart        a break over time
 *   top/screen       the terminal, by ncurses
 *
 * view/: the model, for people and for programs
 *   view/out         all output: one buffer, nothing unsafe
 *   view/digits      numbers, written where they are to stand
 *   view/page        standard output as it is
 *   view/json        members of JSON objects
 *   view/table       rows and columns
 *   view/words       numbers in the words of the manual pages
 *   view/call        what an event says, whatever its kind
 *   view/events      one event in three ways:
 *   view/events_text   a line
 *   view/events_json   an object
 *   view/events_csv    a row
 *   view/stack       call stacks
 *   view/sites       call sites
 *   view/flame       stacks as a tree, and folded
 *   view/flame_picture that tree as a picture
 *   view/report      the report in two ways:
 *   view/report_text   a page
 *   view/report_tables its tables' cells
 *   view/report_history the life of one segment, on the page
 *   view/report_findings what is worth a remark, on the page
 *   view/report_json   an object
 *   view/report_segments its segments and attachments
 *   view/graph       processes and segments:
 *   view/graph_text    a drawing
 *   view/graph_for     for graphviz, mermaid and programs
 *   view/ipcs        the IPC table in two ways:
 *   view/ipcs_text     a page
 *   view/ipcs_json     an object
 *   view/map         an address space in two ways:
 *   view/map_rows      the lines of the picture
 *   view/map_boxes     what is inside a box of it
 *   view/map_text      the picture
 *   view/map_json      an object
 *   view/sessions    the list of sessions
 */
#include <stdio.h>
#include <string.h>

#include "report/command.h"
#include "report/error.h"
#include "report/options.h"
#include "report/record/record.h"
#include "report/view/page.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(id, name, arguments, summary) {#name, command_##name},
#include "report/commands.def"
#undef COMMAND
};

static int show_version(void)
{
	struct out *out = page_begin(COLOR_NEVER);

	OUT(out, "memshim " MEMSHIM_VERSION "\n");
	return out_finish(out);
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	if (!word) {
		error_line("no command given", "see 'memshim help'");
		return EXIT_USAGE;
	}
	if (is_help(word))
		return help_show(NULL);
	if (strcmp(word, "--version") == 0)
		return show_version();
	if (strcmp(word, "record") == 0 && argc > 2 && is_help(argv[2]))
		return help_show(word);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(commands[i].name, word) == 0)
			return commands[i].run(argc - 1, argv + 1);
	error_line(word, word[0] == '-' ? "no such option; see 'memshim help'"
					: "no such command; 'memshim help' lists them");
	return EXIT_USAGE;
}
