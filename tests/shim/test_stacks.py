# SPDX-License-Identifier: MIT
"""Call stacks have the frames that a debugger prints at the same point, and no wrong names."""

import glob
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree

import pytest

import harness
from harness import Recording, memshim, record, run

SOURCE = harness.TOP / "tests" / "targets" / "walks.c"
KINDS = ("static", "deep", "roomy", "tail", "thread", "signal", "altstack", "plugin")
FLAGS = {
    "O2": ("-O2", "-g"),
    "O0": ("-O0", "-g"),
    "frame-pointers": ("-O2", "-g", "-fno-omit-frame-pointer"),
    "not-pie": ("-O2", "-g", "-no-pie"),
}


@pytest.fixture
def build(tmp_path):
    """build("name", *flags): builds walks.c as a program in the test's folder."""

    def compile_walks(name, *flags):
        path = str(tmp_path / name)
        subprocess.run(["cc", *flags, "-o", path, SOURCE, "-pthread", "-ldl"], check=True)
        return path

    return compile_walks


def arguments(kind):
    return [kind, harness.target("libplugin.so")] if kind == "plugin" else [kind]


def stack_of(recording):
    """The frames of the one direct sbrk, innermost first."""
    moves = [e for e in recording.calls() if e["call"] == "sbrk" and e["origin"] == "direct"]
    assert len(moves) == 1
    return moves[0]["stack"]


def functions(frames):
    return [f["function"] for f in frames]


def debugger_functions(program, *argv):
    """What gdb prints at the entry of sbrk, without sbrk itself."""
    harness.need("gdb")
    done = run("gdb", "-batch", "-nx", "-ex", "set debuginfod enabled off", "-ex", "set width 0", "-ex", "set backtrace past-main on",
               "-ex", "set disable-randomization on", "-ex", "handle SIGUSR1 nostop noprint",
               "-ex", "break grow", "-ex", "run", "-ex", "break sbrk", "-ex", "continue",
               "-ex", "bt", "--args", program, *argv)
    found = re.findall(r"^#\d+\s+(?:0x[0-9a-f]+ in )?(<signal handler called>|\S+)", done.stdout, re.M)
    assert "grow" in found, done.stdout + done.stderr
    # gdb adds this one by guessing: raise() jumps to it, so it has no frame on the stack.
    return [name for name in found[found.index("grow"):] if name != "__pthread_kill_internal"]


@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("kind", KINDS)
def test_same_frames_as_a_debugger(build, kind, flags):
    program = build("walks", *FLAGS[flags])
    recording = record(program, *arguments(kind), options=("-k", "64"))
    ours = functions(stack_of(recording))
    theirs = debugger_functions(program, *arguments(kind))
    own = [name for name in ours if name]
    assert own[0] == "grow"
    # libc's and the loader's frames have other names where their symbols are not installed.
    known = [name for name in theirs if name in ("grow", "middle", "deep", "roomy", "tail_caller",
             "tail_callee", "thread", "handler", "in_signal", "in_thread", "in_plugin", "main",
             "plugin_call", "inside")]
    assert [name for name in own if name in known] == known
    assert len(ours) == len(theirs), (ours, theirs)


POOL = """
    #include <unistd.h>
    namespace outer {
    template <typename T> struct Pool {
        __attribute__((always_inline)) inline void *take(T n) { return sbrk(n); }
        __attribute__((always_inline)) inline void *more(T n) { return take(n + n); }
        __attribute__((noinline)) void *fill(T n) { void *p = more(n); asm volatile(""); return p; }
    };
    }
    __attribute__((noinline)) static bool grow() { outer::Pool<int> pool; bool failed = !pool.fill(4096); asm volatile(""); return failed; }
    int main() { return grow(); }
"""


@pytest.mark.parametrize("flags", [("-O2",), ("-O0",), ("-O3", "-fno-omit-frame-pointer"), ("-Os",)], ids=" ".join)
def test_same_inlined_frames_as_a_debugger(tmp_path, flags):
    """C++ with functions that exist only inlined into others."""
    harness.need("gdb")
    (tmp_path / "pool.cc").write_text(POOL)
    subprocess.run(["c++", "-g", *flags, "-o", "pool", "pool.cc"], check=True)
    ours = [name.split("(")[0] for name in functions(stack_of(record("./pool"))) if name]
    done = run("gdb", "-batch", "-nx", "-ex", "set debuginfod enabled off", "-ex", "set width 0",
               "-ex", "break grow", "-ex", "run", "-ex", "break sbrk", "-ex", "continue", "-ex", "bt", "./pool")
    theirs = re.findall(r"^#\d+\s+(?:0x[0-9a-f]+ in )?([\w:<>]+) \(", done.stdout, re.M)
    theirs = theirs[theirs.index("outer::Pool<int>::take"):]
    assert theirs[-1] == "main" and ours[:len(theirs)] == theirs


def test_stripped_same_frames_as_a_debugger(build):
    """The debug symbols are in another file."""
    program = build("walks", "-O2", "-g")
    run("objcopy", "--only-keep-debug", program, program + ".debug")
    run("strip", program)
    run("objcopy", "--add-gnu-debuglink=" + program + ".debug", program)
    ours = functions(stack_of(record(program, "roomy", options=("-k", "64"))))
    theirs = debugger_functions(program, "roomy")
    assert ours[:3] == theirs[:3] == ["grow", "roomy", "main"] and len(ours) == len(theirs)


def test_outermost_frame_is_where_programs_begin(build):
    frames = stack_of(record(build("walks", "-O2", "-g"), "static", options=("-k", "64")))
    assert frames[-1]["function"] == "_start"
    assert frames[-1]["module"].endswith("/walks")


def test_lines(build):
    frames = stack_of(record(build("walks", "-O2", "-g"), "static"))
    source = SOURCE.read_text().splitlines()
    assert frames[0]["file"].endswith("walks.c")
    assert "sbrk(4096)" in source[frames[0]["line"] - 1]
    assert "grow();" in source[frames[1]["line"] - 1]
    for frame in frames:
        assert int(frame["pc"], 16) > int(frame["offset"], 16) or "not" in frame


def test_depth(build):
    program = build("walks", "-O2", "-g")
    assert "stack" not in record(program, "deep", options=("-k", "0")).calls()[-1]
    assert len(stack_of(record(program, "deep", options=("-k", "1")))) == 1
    whole = len(stack_of(record(program, "deep", options=("-k", "64"))))
    assert len(stack_of(record(program, "deep", options=("-k", "16")))) == 16
    assert f"... cut here; record -k {whole} takes the deepest" in harness.memshim("events", "-k", "--call=sbrk").stdout
    assert functions(stack_of(record(program, "deep", options=("-k", "64")))).count("deep") == 31
    assert "cut here" not in harness.memshim("events", "-k").stdout


def text_of_direct_move():
    """The lines of the one direct sbrk and its stack."""
    lines = harness.memshim("events", "-k").stdout.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.endswith("direct"))
    end = next(i for i in range(begin + 1, len(lines)) if re.match(" *[0-9]+[.]", lines[i]))
    return "\n".join(lines[begin:end])


@pytest.mark.parametrize("strip", (False, True))
def test_as_deep_as_asked_for_is_not_cut(build, strip):
    program = build("walks", "-O0", "-g")
    if strip:
        run("strip", program)
    depth = len(stack_of(record(program, "static", options=("-k", "64"))))
    assert len(stack_of(record(program, "static", options=("-k", str(depth))))) == depth
    assert "cut here" not in text_of_direct_move()
    record(program, "static", options=("-k", str(depth - 1)))
    assert text_of_direct_move().endswith(f"... cut here; record -k {depth} takes the deepest")


def test_inlined_functions_and_cplusplus_names(tmp_path):
    source = tmp_path / "inline.cc"
    source.write_text("""
        #include <unistd.h>
        namespace outer {
        template <typename T> struct Pool {
            __attribute__((always_inline)) inline void *take(T n) { return sbrk(n); }
            __attribute__((noinline)) void *fill(T n) { void *p = take(n); asm volatile(""); return p; }
        };
        }
        int main() { outer::Pool<int> pool; return pool.fill(4096) == (void *)-1; }
    """)
    subprocess.run(["c++", "-O2", "-g", "-o", "inline", source], check=True)
    frames = stack_of(record("./inline"))
    assert frames[0]["function"] == "outer::Pool<int>::take(int)"
    assert frames[0]["inlined"] is True
    assert frames[1]["function"] == "outer::Pool<int>::fill(int)"
    assert frames[0]["pc"] == frames[1]["pc"]
    assert frames[2]["function"] == "main"


def test_stripped_with_separate_debug_file(build):
    program = build("walks", "-O2", "-g")
    run("objcopy", "--only-keep-debug", program, program + ".debug")
    run("strip", program)
    run("objcopy", "--add-gnu-debuglink=" + program + ".debug", program)
    assert functions(stack_of(record(program, "static")))[:3] == ["grow", "middle", "main"]
    os.unlink(program + ".debug")
    nameless = Recording("memshim.data")
    frames = stack_of(nameless)
    assert frames[0]["function"] is None and frames[0]["offset"]
    number = re.search("Build ID: ([0-9a-f]+)", run("readelf", "-n", program).stdout).group(1)
    assert f"{program}: stripped" in nameless.report_text("--all")
    assert f"\n    build id {number}\n" in nameless.report_text("--all")


def test_debug_files_by_build_id(build, tmp_path):
    """Debug files where distributions put them, below another root."""
    program = build("walks", "-O2", "-g", "-Wl,--build-id")
    number = re.search("Build ID: ([0-9a-f]+)", run("readelf", "-n", program).stdout).group(1)
    folder = tmp_path / "root" / "usr" / "lib" / "debug" / ".build-id" / number[:2]
    moved = tmp_path / "root" / program.lstrip("/")
    for path in (folder, moved.parent):
        path.mkdir(parents=True)
    run("objcopy", "--only-keep-debug", program, folder / f"{number[2:]}.debug")
    run("strip", program)
    recording = record(program, "static")
    shutil.copy(program, moved)
    assert functions(stack_of(recording))[0] is None
    move, = [e for e in recording.events(f"--sysroot={tmp_path}/root", "--call=sbrk") if e["origin"] == "direct"]
    assert functions(move["stack"])[:3] == ["grow", "middle", "main"]
    assert move["stack"][0]["line"]


def test_rebuilt_program_is_not_given_wrong_names(build):
    program = build("walks", "-O2", "-g")
    recording = record(program, "static")
    assert functions(stack_of(recording))[0] == "grow"
    build("walks", "-O0", "-g")
    assert functions(stack_of(recording))[0] is None
    assert "another file than the one that was loaded" in recording.report_text()
    os.unlink(program)
    assert functions(stack_of(recording))[0] is None
    assert "cannot be read" in recording.report_text()


def test_a_file_without_a_build_id(build):
    """Another file in its place, whatever its time, is not used."""
    none = "-Wl,--build-id=none"
    program, other = build("walks", "-O2", "-g", none), build("other", "-O0", "-g", none)
    os.utime(other, (1, 1))
    recording = record(program, "static")
    assert functions(stack_of(recording))[0] == "grow"
    os.rename(other, program)
    assert functions(stack_of(recording))[0] is None
    assert "another file than the one that was loaded" in recording.report_text()


def test_sysroot(build, tmp_path):
    program = build("walks", "-O2", "-g")
    recording = record(program, "static")
    moved = tmp_path / "root" / program.lstrip("/")
    moved.parent.mkdir(parents=True)
    shutil.move(program, moved)
    assert functions(stack_of(recording))[0] is None
    named = recording.events(f"--sysroot={tmp_path}/root", "--call=sbrk")
    assert [e["stack"][0]["function"] for e in named if e["origin"] == "direct"] == ["grow"]


def test_a_fork_has_its_parents_addresses(compile_c):
    program = compile_c("forks", """
        #include <sys/wait.h>
        #include <unistd.h>
        __attribute__((noinline)) static void grow(void) { sbrk(4096); __asm__ volatile(""); }
        int main(void) { grow(); if (fork() == 0) { grow(); _exit(0); } wait(0); }
    """, "-g")
    events = [e for e in record(program).calls() if e["call"] == "sbrk"]
    assert len(events) == 2 and events[0]["pid"] != events[1]["pid"]
    assert events[0]["stack"][0]["function"] == events[1]["stack"][0]["function"] == "grow"
    assert all(f["pc"] for e in events for f in e["stack"])


def test_full_tables_are_a_counted_loss(compile_c):
    program = compile_c("many", """
        #include <unistd.h>
        __attribute__((noinline)) static void left(unsigned path, int depth);
        __attribute__((noinline)) static void right(unsigned path, int depth)
        {
            if (depth == 0) sbrk(path & 1 ? 4096 : -4096);
            else if (path >> (depth - 1) & 1) left(path, depth - 1);
            else right(path, depth - 1);
            __asm__ volatile("");
        }
        __attribute__((noinline)) static void left(unsigned path, int depth)
        {
            if (depth == 0) sbrk(path & 1 ? 4096 : -4096);
            else if (path >> (depth - 1) & 1) left(path, depth - 1);
            else right(path, depth - 1);
            __asm__ volatile("");
        }
        int main(void) { sbrk(1 << 20); for (unsigned p = 0; p < 1 << 14; p++) right(p, 14); }
    """)
    recording = record(program, options=("--log-size=3M", "-k", "32"))
    coverage = recording.report()["coverage"]
    assert coverage["lost"]["stacks_full"] > 0
    assert coverage["events"] + coverage["lost"]["overwritten"] >= (1 << 14) + 1


def test_sites_add_up(build):
    report = record("bash", "-c", "for i in 1 2 3; do x=$(seq 30000); done; ls -l /usr/bin | cat").report()
    grown = sum(p["break"]["grown_bytes"] for p in report["processes"])
    moves = sum(p["break"]["moves"] for p in report["processes"])
    sites = [s for s in report["sites"] if s["call"] in ("brk", "sbrk")]
    assert grown > 0
    assert sum(s["bytes"] for s in sites) == grown
    assert sum(s["count"] - s["failed"] for s in sites) == moves
    assert all(s["stack"] and s["where"] for s in sites)


def test_sites_that_only_gave_back(compile_c):
    """They are shown after sites that got memory; sites that did nothing are not shown."""
    program = compile_c("gives", """
        #include <unistd.h>
        #define OWN __attribute__((noinline)) static void
        OWN take(void) { sbrk(65536); __asm__ volatile(""); }
        OWN trim(void) { sbrk(-4096); __asm__ volatile(""); }
        OWN give(void) { sbrk(-8192); __asm__ volatile(""); }
        OWN stay(void) { brk(sbrk(0)); __asm__ volatile(""); }
        int main(void) { take(); for (int i = 0; i < 3; i++) trim(), stay(); give(), give(); }
    """, "-g")
    recording = record(program)
    table = recording.report_text("--columns=bytes,given_back,count,where").split("CALL SITES")[1].split("\n\n")[0]
    rows = [line.split()[:4] for line in table.splitlines()[2:] if " gives.c:" in line]
    assert rows == [["64K", "0", "1", "take"], ["0", "16K", "2", "give"], ["0", "12K", "3", "trim"]]
    top = memshim("top", "--once", "--view=sites", recording.path).stdout
    assert re.findall(r"(\w+)  gives\.c:\d+", top) == ["take", "give", "trim"]


@pytest.mark.parametrize("library,name", [("libtcmalloc_minimal.so.4", "tcmalloc"), ("libjemalloc.so.2", "jemalloc")])
def test_other_allocators_by_name(compile_c, library, name):
    """Frames of allocators are not the call site; their caller is."""
    program = compile_c("wants", """
        #include <stdlib.h>
        __attribute__((noinline)) static void want(void)
        {
            for (int i = 0; i < 4000; i++) { void *volatile block = malloc(2000); if (!block) abort(); }
            __asm__ volatile("");
        }
        int main(void) { want(); }
    """, "-g")
    path, = glob.glob(f"/usr/lib/*-linux-gnu/{library}") or glob.glob(f"/usr/lib64/{library}")
    recording = record("env", f"LD_PRELOAD={harness.SHIM}:{path}", "MALLOC_CONF=dss:primary", program,
                       options=("-k", "32"))
    sites = [s for s in recording.report()["sites"] if s["where"] == "want (wants)"]
    assert sites and {(s["call"], s["origin"], s["allocator"]) for s in sites} == {("sbrk", "direct", name)}
    assert re.search(rf"sbrk +{name} +want( \(wants\)|  wants\.c:\d+)", recording.report_text())


def test_the_loaders_own_blocks(build):
    """All kept frames are the loader's and libc's: the loader asked for the memory, not malloc."""
    recording = record(build("walks", "-O2"), "plugin", harness.target("libplugin.so"), options=("-k", "6"))
    site, = [s for s in recording.report()["sites"] if s["allocator"] == "malloc"]
    assert re.search(r"\(ld-linux.*\)$|^ld-linux", site["where"])


def test_segments_keep_their_creators_stack(compile_c):
    program = compile_c("makes", """
        #include <sys/shm.h>
        __attribute__((noinline)) static int make(void) { int id = shmget(IPC_PRIVATE, 4096, 0600); __asm__ volatile(""); return id; }
        __attribute__((noinline)) static void take_away(int id) { shmctl(id, IPC_RMID, 0); __asm__ volatile(""); }
        int main(void) { take_away(make()); }
    """, "-g")
    segment, = record(program).report()["segments"]
    assert functions(segment["creator"]["stack"])[:2] == ["make", "main"]
    assert functions(segment["removed"]["stack"])[:2] == ["take_away", "main"]


def test_folded_and_flame_graph(build):
    recording = record(build("walks", "-O2", "-g"), "static")
    folded = memshim("export", "--format=folded", recording.path).stdout.splitlines()
    line, = [l for l in folded if ";grow;" in l]
    stack, _, value = line.rpartition(" ")
    assert value == "4096"
    assert stack.split(";")[0] == "walks" and stack.split(";")[-4:] == ["main", "middle", "grow", "sbrk"]
    counted = memshim("export", "--format=folded", "--counts", "-o", "out.folded", recording.path)
    assert counted.returncode == 0 and counted.stdout == ""
    assert any(l.endswith(";grow;sbrk 1") for l in open("out.folded").read().splitlines())
    assert memshim("report", "--flame=out.svg", recording.path).returncode == 0
    picture = xml.etree.ElementTree.parse("out.svg")
    titles = [t.text for t in picture.iter("{http://www.w3.org/2000/svg}title")]
    assert any(t.startswith("grow (walks): 4K") for t in titles)
    assert "http" not in open("out.svg").read().replace("http://www.w3.org/2000/svg", "")


def test_a_stripped_file_whose_functions_all_have_names_is_no_news(compile_c):
    """Exported functions have names without debug symbols: no note."""
    program = compile_c("exports", """
        #include <unistd.h>
        int main(void) { return sbrk(4096) == (void *)-1; }
    """, "-rdynamic", "-s")
    text = record(program, options=("-k", "1")).report_text()
    assert "main (exports)" in text
    assert f"{program}: stripped" not in text


def test_the_worst_of_many_stripped_files(compile_c):
    """Stripped files are in one line, as many as fit; --all has a line for each."""
    libraries = []
    for number in range(7):
        calls = "".join(f"static __attribute__((noinline)) int grow{i}(void) {{ return sbrk(64 + {i}) == (void *)-1; }}\n"
                        for i in range(number + 1))
        total = " + ".join(f"grow{i}()" for i in range(number + 1))
        libraries.append(compile_c(f"lib{number}.so", f"#include <unistd.h>\n{calls}int all{number}(void) {{ return {total}; }}\n",
                                   "-shared", "-fPIC", "-s", "-O0"))
    names = [f"all{number}" for number in range(7)]
    program = compile_c("many", "".join(f"int {n}(void);\n" for n in names) + "int main(void) { return "
                        + " + ".join(f"{n}()" for n in names) + "; }\n", *libraries, "-Wl,-rpath,$ORIGIN", "-rdynamic")
    recording = record(program, options=("-k", "1"))
    line, = [line for line in recording.report_text().splitlines() if line.startswith("Stripped: ")]
    assert re.fullmatch(r"Stripped: lib\d\.so(, lib\d\.so)* and \d more; --all has paths and build ids", line)
    assert len(line) <= 80 and len(re.findall(r"lib\d", line)) + int(re.search(r"and (\d)", line)[1]) == 7
    assert len(re.findall(r"lib\d\.so: stripped", recording.report_text("--all"))) == 7
    assert len(re.findall(r"lib\d\.so: stripped", recording.report_text("--sort=pid"))) == 7
