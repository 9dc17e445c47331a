/* SPDX-License-Identifier: MIT */
/*
 * The source map: what is where in report/, one line for a .c file, its header, or both.
 *
 *   main             this map; finds the command and calls it
 *
 * cli/: one file for each command, and the command line that they share
 *   cli/command      the table of commands; guesses a mistyped one
 *   cli/env          shell lines that preload the shim
 *   cli/events       the log
 *   cli/export       a session in the formats of other tools
 *   cli/export_metrics   the same for metrics, of one session or of all
 *   cli/graph        a drawing of processes and segments
 *   cli/help         the text of --help, from the tables
 *   cli/ipcs         the IPC table, with the creators that sessions know
 *   cli/ls           the list of sessions
 *   cli/doctor       whether the shim sees a program or a process
 *   cli/doctor_checks      the checks of doctor
 *   cli/rm           removes sessions that have ended
 *   cli/reap         lists and removes leaked segments
 *   cli/map          a picture of an address space
 *   cli/record       starts the recorder, then prints the summary
 *   cli/report       the report of a session
 *   cli/top          starts the live screen
 *   cli/options      the option parser of all commands
 *   cli/options_files      the files that options name
 *   cli/option_values reads numbers, sizes and seconds
 *   cli/summary      the lines that record prints at its end
 *   cli/rule_file          files of rules that the user names, line by line
 *   cli/wrapper_names      files of names of wrappers
 *   cli/suppressions reads files of known findings
 *   cli/expectations prints a line for each expectation that failed
 *
 * recorder/: `memshim record`: the only code that writes a segment or a recording
 *   recorder/recorder         runs COMMAND and saves the recording; one event loop
 *   recorder/inspect          whether a program can be recorded
 *   recorder/launch           COMMAND's process, held back until the session is ready; its signals
 *   recorder/output           the recording's file, and FILE.old
 *   recorder/registrations    opens a pidfd for each process that registers
 *   recorder/scan_budget      when the next scan of /proc is due, and how long scans may take
 *   recorder/identity         which process an image is, by pidfd, and how it ended
 *   recorder/watch            the live processes, and how each one ends
 *   recorder/watch_add        adds the images that have registered
 *   recorder/watch_scan       processes without a pidfd, by polling
 *   recorder/jit_names        names of code that processes made themselves, from /tmp/perf-PID.map
 *   recorder/title            what servers write over their arguments
 *   recorder/operations       who operated on sets and queues, and which calls had not returned
 *   recorder/usage            what each process uses: memory, page faults, time, its free heap
 *   recorder/watch_struct     struct watch, for these three
 *   recorder/preload_check    whether a process or a program can load the shim
 *   recorder/tree             descendants that run without the shim
 *   recorder/truncation_guard a live segment keeps its length
 *   recorder/session_create   creates the folder, the segment and the recording
 *   recorder/session_finish   copies the rest of the segment into the recording
 *   recorder/drain            copies the log into the recording
 *   recorder/drain_types      what the files of this room tell each other
 *   recorder/drain_struct     the live segment and the recording
 *   recorder/break_check      finds breaks that moved without a recorded call
 *   recorder/peer_socket      the socket on which processes register
 *   recorder/peer_claims      what registered processes claim, by user
 *   recorder/slots            copies the slots of processes that start and end
 *   recorder/prefault         makes pages resident before writers need them
 *   recorder/kernel_snapshot  what the kernel says about a segment right after a call
 *   recorder/object_snapshot  what the kernel says about a set or a queue after a failed call
 *   recorder/caller_snapshot  limits and memory of a process whose call failed
 *   recorder/left_objects     what is left in the IPC table at the end
 *   recorder/recording        writes a recording's chunks
 *
 * procfs/: what is read from /proc
 *   procfs/timens      clocks and start times across time namespaces
 *   procfs/sysvipc     the kernel's tables of segments, queues and semaphores
 *   procfs/holders     which processes have a segment attached, by their maps
 *   procfs/kernel_rows the rows that these files produce
 *   procfs/heap_chunks what lies free in a heap of malloc
 *   procfs/maps        address spaces: /proc/PID/maps and smaps
 *   procfs/status      users, limits and memory: /proc/PID/status, limits, /proc/meminfo
 *   procfs/proc        which processes there are, whether one still runs, /proc/PID/stat
 *
 * reader/: a segment or a recording becomes facts and events; nothing in it is trusted
 *   reader/file            one file, read within its real size
 *   reader/mapping_guard   a mapping that shrinks is an error, not a SIGBUS
 *   reader/source          the files of a session: segment, recording, or both
 *   reader/source_struct   its struct, for this room only
 *   reader/presence        whether its processes and IPC namespace are those of this machine
 *   reader/chunks          the index of a recording
 *   reader/chunk_payload   the payload of a chunk, plain or compressed
 *   reader/ring            one per-CPU ring of a live segment
 *   reader/unpublished     events that a killed recorder had skipped
 *   reader/runs            merges sorted runs
 *   reader/cursor          all events in the order of time, live or recorded
 *   reader/cursor_struct   its struct, for this room only
 *   reader/follow          the events of a live session
 *   reader/event           one event
 *   reader/facts           everything else that the reader returns; why a process is not followed
 *   reader/identity_facts  which process an image is, and what it used
 *   reader/facts_visitor   the one sink of facts
 *   reader/tables          processes, attachments, ledger, stacks, row by row
 *   reader/rows            converts their rows into facts
 *   reader/rows_operations   those about sets and queues
 *   reader/object_facts    what those rows say about segments, sets and queues
 *   reader/catalog         who created the objects that ended sessions left behind
 *   reader/timescale       from the session's clock to nanoseconds
 *   reader/kernel_check    the kernel cross-check: segments and breaks
 *
 * session/: finds, opens and follows a session
 *   session/listing       the list of sessions
 *   session/address_space the address space of a process or a session
 *   session/session       opens a file into a model, for every command that reads
 *   session/ipc_usage     how much of the limits of the IPC table is used
 *   session/naming        names for the frames of its call stacks
 *   session/reap          which leaked segments may be removed, and their removal
 *   session/removal        removes the segment of an ended session
 *   session/reap_objects   removes a semaphore set or a queue
 *   session/left_behind   writes the catalog of objects that a session leaves
 *   session/kernel_cache  the kernel's rows, kept for a while
 *   session/live_session  follows a live session, for the screen
 *   session/find          finds the session that the user means
 *
 * model/: what happened; no input, no output
 *   model/model             the model and its processes
 *   model/objects          semaphore sets and queues, from events and tables
 *   model/findings_objects findings about them, and about calls that wait
 *   model/explain_objects  why a call about a set or a queue failed
 *   model/operations       who operated on sets and queues, and the calls that had not returned
 *   model/apply_event       what an event changes
 *   model/segments          which process created, changed and removed a segment
 *   model/attachments       which process attached what, and how each attachment began and ended
 *   model/stacks            call stacks, modules, names
 *   model/sites             what each call stack did
 *   model/heap              whose growth a heap consists of: what each site keeps
 *   model/mappings          the same for anonymous mappings: arenas, large blocks, stacks
 *   model/growth            whether a heap grows all the time
 *   model/wrappers          who wanted memory, and not who wrapped malloc
 *   model/holders           which processes map a segment, by the kernel
 *   model/verdicts          what the kernel said of the segments: their state at the end, and now
 *   model/findings          the findings
 *   model/findings_group    joins findings of one kind, program, place and cause
 *   model/place             the function and line that a call came from
 *   model/findings_heap     findings about heaps: growing, thrashing, pinned, past the break
 *   model/findings_mapped   findings about mappings: growing, blocks taken again, arenas, stacks
 *   model/heap_places       the place that most of a heap's growth is from
 *   model/findings_segments findings about segments and their holders
 *   model/explain           why a call failed, by the facts of that moment:
 *   model/explain_attach    shmat, shmdt, shmctl
 *   model/explain_break     brk, sbrk
 *   model/kernel_snapshots  why a call failed, by the snapshot right after it
 *   model/findings_removals  segments that another program removed, and the next with their key
 *   model/memory_limits  why memory was refused, by the limits that the recorder read
 *   model/suppress          removes known findings
 *   model/full_table        who created most objects, for calls that fail with ENOSPC
 *   model/expect            expectations: what was found, and whether it is what was expected
 *   model/failures          which rule or limit a failed call met
 *   model/family            which processes may still attach a segment that no process has attached
 *   model/finalize          conclusions at the end of a session
 *   model/graph             processes and the segments between them
 *   model/graph_boxes       segments with the same holders, as one box
 *   model/ipc               the machine's IPC table and the creators of its objects
 *   model/creator           the name of a creator; for an interpreter, its script
 *   model/copy              a copy of the model of a live session, for conclusions
 *   model/spark             the break of one image over its life, in a few pieces
 *   model/trend             the breaks over time, and rates
 *   model/filter            which rows the user wants
 *   model/zones             an address space, and the purpose of each piece
 *   model/zones_recorded    the same, from a session
 *
 * symbols/: from addresses to functions and lines
 *   symbols/symbols   functions and lines of addresses; asks the child and the cache
 *   symbols/child     starts the symbol child and talks to it
 *   symbols/protocol  the messages between reporter and child
 *   symbols/sandbox   in the child: limits, and a filter of system calls
 *   symbols/broker    in the child: asks the reporter for files
 *   symbols/resolve   in the child: answers with libdw
 *   symbols/files     in the child: files of modules and their debug files
 *   symbols/cache     names that take long to find, kept for the next report
 *   symbols/server    files by build id, from debuginfod servers
 *   symbols/demangle  C++ and legacy Rust names
 *   symbols/rust      Rust's v0 mangling
 *   symbols/rust_text reads mangled letters, writes the demangled name
 *
 * view/: the model as text, JSON, CSV, SVG
 *   view/out             all output: one buffer; escapes what may steer a terminal
 *   view/digits          numbers, written in place
 *   view/page            the output on standard output or in a file
 *   view/partial         notes beside a table that lacks data
 *   view/json            members of JSON objects
 *   view/json_members    members that several documents share
 *   view/table           rows and columns
 *   view/cell            what stands in a cell
 *   view/words           numbers as words of the manual pages
 *   view/call            the text of an event
 *   view/events          one event, as these three get it
 *   view/events_text     it as a line
 *   view/events_json     it as an object
 *   view/report_objects    sets, queues and waits in the report
 *   view/events_mappings   the arguments of calls that map memory
 *   view/events_objects    the arguments of calls about sets and queues
 *   view/events_csv      it as a row
 *   view/stack_table       each call stack once
 *   view/stack           call stacks
 *   view/sites           call sites
 *   view/flame           stacks as a tree, and folded
 *   view/flame_drawing   that tree as an SVG drawing
 *   view/report_text     the report: a page
 *   view/report_tables   its tables' cells
 *   view/report_history  the history of one segment, on the page
 *   view/report_findings the findings, on the page
 *   view/report_sections   the tables of the report
 *   view/report_programs   the table of programs, for many processes
 *   view/report_mapped   the table of memory past the break
 *   view/report_calls      the table of calls and errors
 *   view/name              names that are too long for their column
 *   view/report_verdict    the findings that matter in a line each, and what to type next
 *   view/report_json     the report as an object
 *   view/report_segments its segments and attachments
 *   view/graph_text      processes and segments: a drawing
 *   view/graph_formats   the same, for graphviz, mermaid and programs
 *   view/ipcs_text       the IPC table: a page
 *   view/ipcs_objects    its sets and queues: state and users
 *   view/ipcs_totals     totals and limits beside its titles
 *   view/ipcs_files      which recordings know more of it
 *   view/ipcs_json       the table as an object
 *   view/map_rows        an address space: the lines of the drawing
 *   view/map_boxes       the lines inside a box of it
 *   view/map_text        the drawing
 *   view/map_uses        its sets and queues
 *   view/map_json        the address space as an object
 *   view/reap_table      what reap removed or kept
 *   view/sessions        the list of sessions
 *
 * export/: the model in the formats of other tools
 *   export/label          labels of metrics
 *   export/massif        the breaks over time for ms_print
 *   export/massif_tree   the tree of one of its snapshots
 *   export/metrics         metrics for Prometheus
 *   export/openmetrics    break and attached memory over time, for Prometheus
 *   export/perfetto         a trace for Perfetto: clocks, and counters of the moves
 *   export/perfetto_lives   its processes: tracks, images, forks
 *   export/perfetto_slices  its attachments, segments and findings
 *   export/perfetto_heap    its heap profiles
 *   export/perfetto_packet  its packets
 *   export/pprof         a profile for pprof
 *   export/pprof_tables  its strings, mappings, functions and locations
 *   export/samples       what each image did with each call stack, for formats with samples
 *   export/timeline      what each running process has, from event to event
 *   export/protobuf      writes messages of protocol buffers
 *   export/gzip          compresses
 *   export/intern        gives each different key a number
 *
 * top/: the live screen
 *   top/top         the loop: events, conclusions, drawing, keys
 *   top/key_actions the table of keys, and the action of each
 *   top/draw        draws the head, a list or page, and the foot
 *   top/rows        the lists' rows and cells
 *   top/list        a table that scrolls
 *   top/ipc_list    all objects of the IPC table; the page of a set or a queue
 *   top/detail      pages about one process or segment
 *   top/pager       lines that scroll
 *   top/chart       a break over time
 *   top/screen      the terminal, by ncurses
 *
 * util/: errors, names, number formats
 *   util/array     growing arrays
 *   util/big_stack runs a function on a thread with a large stack
 *   util/error     one voice for errors, one table of exit codes
 *   util/format    numbers and names for people
 *   util/hash      uthash, without its exit
 *   util/library   finds the shim
 *   util/limits    which limit refused a system call, and what to do
 *   util/output_file writes a file under a temporary name and renames it
 *   util/progress  how far a command is, on a terminal
 *   util/path      the base name of a path
 *   util/trust     opens only regular files, and tells whose files are trusted
 *   util/printable which characters of foreign text may reach a terminal
 *   util/now       the time
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
