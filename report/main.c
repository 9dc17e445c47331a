/* SPDX-License-Identifier: MIT */
/*
 * The source map: what is where in report/, one line for a .c file, its header, or both.
 *
 *   main             this map, and which command is meant
 *
 * cli/: the commands, and the command line they share
 *   cli/command      the table of commands, and the guess at a mistyped one
 *   cli/env          shell lines for preloading by hand
 *   cli/events       the log
 *   cli/export       stacks for other tools
 *   cli/graph        processes and segments, drawn
 *   cli/help         all help, from the tables
 *   cli/ipcs         the IPC table
 *   cli/ls           the sessions there are
 *   cli/reap         removes what a session leaked
 *   cli/map          the address space as a picture
 *   cli/record       starts the recorder, then prints the summary
 *   cli/report       the post-run report
 *   cli/top          the live screen
 *   cli/options      the option parser of all commands
 *   cli/option_values reads numbers, sizes and seconds
 *   cli/summary      what record prints at its end
 *   cli/suppressions files of known findings
 *
 * recorder/: `memshim record`: all that writes a segment or a recording
 *   recorder/recorder         runs COMMAND: one thread that waits for whatever comes first
 *   recorder/inspect          whether the shim will see a program
 *   recorder/asan_check       whether a sanitizer lets it
 *   recorder/launch           COMMAND's process, held back until all is ready
 *   recorder/output           the recording's file, and FILE.old
 *   recorder/limits           which limit refused something, and the way out
 *   recorder/signals          what is sent to the recorder is meant for COMMAND
 *   recorder/registrations    takes a process by the hand as soon as it registers
 *   recorder/identity         which process an image is, as the kernel confirms
 *   recorder/identities       rows of that in the recording
 *   recorder/watch            the processes that are alive, and how each one ends
 *   recorder/instance_set     the images that have registered
 *   recorder/watch_look       those that no pidfd tells about
 *   recorder/watch_internal   what these two share
 *   recorder/ending           how somebody else's child ended
 *   recorder/preload_check    whether a process was told to load the shim
 *   recorder/tree             descendants that run without the shim
 *   recorder/truncation_guard a live segment keeps its length
 *   recorder/session_create   a session's beginning: its folder, its segment, its recording
 *   recorder/session_finish   its end: the rest of the segment goes into the recording
 *   recorder/drain            for the recorder: from the log into the recording
 *   recorder/drain_internal   what those two share
 *   recorder/break_check      for the recorder: breaks that moved without a call
 *   recorder/peer_socket      for the recorder: who called on it
 *   recorder/peer_claims      what its callers said, by user
 *   recorder/slots            for the recorder: who came, who ended
 *   recorder/prefault         for the recorder: pages made ready ahead of writers
 *   recorder/kernel_snapshot  for the recorder: what the kernel says at single calls
 *   recorder/caller_snapshot  for the recorder: limits and memory of a process whose call failed
 *   recorder/left_objects      for the recorder: what is left in the IPC table at the end
 *   recorder/recording        writes a recording's chunks
 *
 * procfs/: what is read from /proc
 *   procfs/alive       whether a process still runs
 *   procfs/timens      clocks and start times across time namespaces
 *   procfs/sysvipc     the kernel's tables of segments, queues and semaphores
 *   procfs/holders     which processes have a segment attached, by their maps
 *   procfs/kernel_rows the rows that these files produce
 *   procfs/maps        address spaces: /proc/PID/maps and smaps
 *   procfs/status      users, limits and memory: /proc/PID/status, limits, /proc/meminfo
 *   procfs/proc        which processes there are, and /proc/PID/stat
 *
 * reader/: a segment or a recording becomes facts and events; nothing in it is trusted
 *   reader/file            one file, fetched within its real size
 *   reader/mapping_guard   a mapping that shrinks is an error, and no SIGBUS
 *   reader/source          a session: a segment, a recording, or both
 *   reader/process_still   whether a session's process still runs
 *   reader/ipc_space       whether an id means the same object here
 *   reader/chunks          where everything is in a recording
 *   reader/chunk_payload   what a chunk holds, plain or compressed
 *   reader/ring            one part of a live log
 *   reader/unpublished     what a killed recorder had put off
 *   reader/runs            many sorted runs, merged
 *   reader/cursor          all events in the order of time, live or finished
 *   reader/follow          those of a session that goes on
 *   reader/follow_internal what these two share
 *   reader/event           one event, as it is handed on
 *   reader/facts           everything else that is handed on
 *   reader/facts_visitor  the one sink that facts are handed to
 *   reader/tables          processes, attachments, ledger, stacks, row by row
 *   reader/rows            their rows into facts
 *   reader/objects         what was left in the IPC table at the end
 *   reader/catalog         who created what ended sessions left behind
 *   reader/timescale       from the session's clock to nanoseconds
 *   reader/kernel          the second witness: what the kernel says
 *   reader/unfollowed      why a process was not followed, in words
 *   reader/reader_internal what the files of this room share
 *   reader/kernel_break    the break of an image, by the kernel
 *
 * session/: finds, opens and follows a session
 *   session/listing       the sessions there are
 *   session/address_space an address space, of a process or of a session
 *   session/session       from a file to a model, for every command that reads
 *   session/naming        names for the frames of its call stacks
 *   session/reap          which leaked segments may be removed, and their removal
 *   session/left_behind   what a session leaves in the IPC table, for the catalog
 *   session/kernel_cache  what the kernel says, kept for a while
 *   session/live_session  a session while it goes on, for a screen
 *   session/find          which session is meant
 *
 * model/: what happened; no input, no output
 *   model/model             all of it, and the processes
 *   model/apply_event       what an event changes
 *   model/segments          who made, changed and removed what
 *   model/attachments       who has what attached, and how it came and went
 *   model/stacks            call stacks, modules, names
 *   model/sites             what each call stack did
 *   model/holders           who maps a segment, by the kernel
 *   model/verdicts          what was true of the segments at the end, and is now
 *   model/findings          what is worth a remark
 *   model/findings_segments about segments and who holds them
 *   model/explain           why one call failed, by what was known at that moment:
 *   model/explain_attach    shmat, shmdt, shmctl
 *   model/explain_break     brk, sbrk
 *   model/explaining        what these share
 *   model/kernel_snapshots  why, by what the recorder saw right after it
 *   model/findings_removals  who removed a segment of somebody else, and what had its key next
 *   model/memory_limits  why memory could not be had, by the limits that the recorder read
 *   model/suppress          takes out findings that are known
 *   model/failures          about failed calls: which rule or limit
 *   model/family            who may come back to a segment that nobody has attached
 *   model/finalize          what only the end can tell
 *   model/graph             processes and the segments between them
 *   model/ipc               the machine's IPC table, and who made what
 *   model/creator           how a creator is called: an interpreter by its script
 *   model/copy              a model to draw conclusions from, while it goes on
 *   model/trend             the breaks over time, and rates
 *   model/filter            what the user wants to see
 *   model/zones             an address space, and what each piece is for
 *   model/zones_recorded    the same, of a session
 *   model/model_internal    what the files of this room share
 *
 * symbols/: from addresses to functions and lines
 *   symbols/symbols   the names, asked of a child process and of earlier reports
 *   symbols/child     that process, as the reporter sees it
 *   symbols/protocol  what passes between both
 *   symbols/sandbox   in the child: limits, and no rights
 *   symbols/broker    in the child: files are handed over
 *   symbols/resolve   in the child: answers by libdw
 *   symbols/files     in the child: what was loaded, if it is still that, and its debug files
 *   symbols/cache     names that take long to find
 *   symbols/server    files by build id, from debuginfod
 *   symbols/demangle  C++ and older Rust names
 *   symbols/rust      Rust's own mangling
 *   symbols/rust_text its letters, and what comes out
 *
 * view/: the model as text, JSON, CSV, SVG
 *   view/out             all output: one buffer, nothing unsafe
 *   view/digits          numbers, written where they are to stand
 *   view/page            standard output as it is
 *   view/partial         what to say beside a table that shows a part
 *   view/json            members of JSON objects
 *   view/json_members    those that several documents have in common
 *   view/table           rows and columns
 *   view/words           numbers in the words of the manual pages
 *   view/call            what an event says, whatever its kind
 *   view/events          one event in three ways:
 *   view/events_text     a line
 *   view/events_json     an object
 *   view/events_csv      a row
 *   view/stack           call stacks
 *   view/sites           call sites
 *   view/flame           stacks as a tree, and folded
 *   view/flame_picture   that tree as a picture
 *   view/report          the report in two ways:
 *   view/report_text     a page
 *   view/report_tables   its tables' cells
 *   view/report_history  the life of one segment, on the page
 *   view/report_findings what is worth a remark, on the page
 *   view/report_json     an object
 *   view/report_segments its segments and attachments
 *   view/graph           processes and segments:
 *   view/graph_text      a drawing
 *   view/graph_for       for graphviz, mermaid and programs
 *   view/ipcs            the IPC table in two ways:
 *   view/ipcs_text       a page
 *   view/ipcs_files      which recordings tell more of it
 *   view/ipcs_json       an object
 *   view/map             an address space in two ways:
 *   view/map_rows        the lines of the picture
 *   view/map_boxes       what is inside a box of it
 *   view/map_text        the picture
 *   view/map_json        an object
 *   view/sessions        the list of sessions
 *
 * top/: the live screen
 *   top/top         the loop: events, conclusions, drawing, keys
 *   top/key_actions what keys do
 *   top/keys        which key that is
 *   top/draw        head, list or page, foot
 *   top/rows        the lists' rows and cells
 *   top/list        a table that scrolls
 *   top/detail      pages about one thing
 *   top/pager       lines that scroll
 *   top/chart       a break over time
 *   top/screen      the terminal, by ncurses
 *
 * util/: errors, names, number formats
 *   util/array     growing arrays
 *   util/big_stack runs a function on a thread with a large stack
 *   util/error     one voice for errors, one table of exit codes
 *   util/format    numbers as people read them
 *   util/library   where the shim is
 *   util/output_file a file that is written beside its place and renamed
 *   util/owner     whose files are believed
 *   util/path      the base name of a path
 *   util/regular   opens what others named, if it is a regular file
 *   util/printable which characters of a stranger's text may reach a terminal
 *   util/now       the time
 *   util/names     the names of errors and signals
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report/cli/command.h"
#include "report/cli/help.h"
#include "report/cli/options.h"
#include "report/util/error.h"
#include "report/view/page.h"

static int show_version(void)
{
	struct out *out = page_begin(COLOR_NEVER);

	OUT(out, "memshim " MEMSHIM_VERSION "\n");
	return out_finish(out);
}

/*
 * Descriptors 0 to 2 that the caller closed must not become those of a recording or a socket. Here
 * they stay as good as closed: O_PATH can neither be read nor written. COMMAND finds them closed.
 */
static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

static bool is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static bool is_version(const char *word)
{
	return strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0 ||
	       strcmp(word, "version") == 0;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;
	int command;

	fill_standard_descriptors();
	if (!word) {
		error_line("no command given", "see 'memshim help'");
		return EXIT_USAGE;
	}
	if (is_help(word))
		return help_show(NULL);
	if (is_version(word))
		return show_version();
	command = command_find(word);
	return command >= 0 ? command_rows[command].run(argc - 1, argv + 1) : command_refuse(word);
}
