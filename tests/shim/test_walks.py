# SPDX-License-Identifier: MIT
"""
Walks of stacks: the memo that avoids them never gives the stack of another place, a file has its own name, and
damaged tables do no harm.
"""

import glob
import os
import random
import re
import shutil
import struct
import subprocess

import pytest

import harness
import machine
from beside import unharmed
from harness import Recording, record, run, target

ROUNDS = 2500
DEEPEST = 64


def functions(event):
    return [frame["function"] for frame in event["stack"]]


def direct_moves(recording):
    return [e for e in recording.calls("--call=sbrk") if e["origin"] == "direct"]


@pytest.mark.parametrize("kind", ["alloca", "signal"])
def test_frames_that_lie_where_others_lay(kind):
    """The same caller at the same depth, with old data of another path on the stack."""
    moves = direct_moves(record(target("frames"), kind, 8))
    ways = [name for e in moves for name in functions(e) if name in ("left", "right")]
    assert ways == ["left", "right"] * 8


def test_a_signals_arrival():
    """The frame that the kernel made for the handler has its own line, as in a debugger."""
    recording = record(target("frames"), "signal", 1)
    move = direct_moves(recording)[0]
    arrival, = [i for i, frame in enumerate(move["stack"]) if frame.get("signal")]
    assert functions(move)[arrival - 1] == "handler"
    assert "kill" in (functions(move)[arrival + 1] or "kill")
    assert functions(move)[arrival + 2] == "inner"
    assert "\n   <signal handler called>\n" in "\n".join(
        "   " + line.strip() for line in recording.events_text("-k", "--call=sbrk").splitlines())


COROUTINE = r"""
    #include <stdio.h>
    #include <sys/mman.h>
    #include <unistd.h>
    static void *outside, *inside;
    void change(void **from, void *to);
    __asm__(".globl change\n.type change, @function\nchange:\n"
            "push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"
            "mov %rsp, (%rdi)\nmov %rsi, %rsp\n"
            "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\nret\n.size change, .-change\n");
    __attribute__((noinline)) void body(void) { sbrk(4096); sbrk(-4096); __asm__ volatile(""); }
    __attribute__((noinline)) int deep(int n) { char room[3000]; return snprintf(room, n, "%d", n) + 1; }
    __attribute__((noinline)) void leave(void) { change(&inside, outside); }
    int main(int argc, char **argv)
    {
        char *stack = mmap(0, 131072, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        mprotect(stack, 65536, PROT_READ | PROT_WRITE);
        void **top = (void **)(stack + 65536);
        *--top = leave;
        *--top = body;
        for (int i = 0; i < 6; i++)
            *--top = 0;
        change(&outside, top);
        puts("done");
        return deep(9) != 2;
    }
"""


@machine.needs("x86-64")
@pytest.mark.parametrize("flags", ["-O0", "-O1", "-Os", "-O2"])
def test_a_stack_made_by_hand(compile_c, flags):
    """The outermost return address is the start of a function; above it the stack is unreadable."""
    recording = record(compile_c("coroutine", COROUTINE, flags))
    assert (recording.result.returncode, recording.result.stdout) == (0, "done\n")
    assert [functions(e)[:1] for e in direct_moves(recording)] == [["body"], ["body"]]


TABLE_CALL = r"""
    #include <pthread.h>
    #include <unistd.h>
    void call_entry(long number);
    __attribute__((noinline)) void grow(void) { sbrk(4096); __asm__ volatile(""); }
    void (*table[])(void) = {0, grow};
    __asm__(".globl call_entry\n.type call_entry, @function\ncall_entry:\n.cfi_startproc\n"
            "sub $8, %rsp\n.cfi_def_cfa_offset 16\n"
            "call *table(,%rdi,8)\n"
            "add $8, %rsp\n.cfi_def_cfa_offset 8\n"
            "ret\n.cfi_endproc\n.size call_entry, .-call_entry\n");
    static void *thread(void *number) { call_entry((long)number); return 0; }
    int main(void)
    {
        pthread_t id;
        return pthread_create(&id, 0, thread, (void *)1) || pthread_join(id, 0);
    }
"""


@machine.needs("x86-64")
def test_the_longest_call_on_a_thread_s_stack(compile_c):
    """Not position-independent code calls an entry of a table by an instruction of seven bytes."""
    move, = direct_moves(record(compile_c("table", TABLE_CALL, "-no-pie", "-pthread", "-O1")))
    assert functions(move)[:3] == ["grow", "call_entry", "thread"]


@pytest.mark.parametrize("flags", [("-pie", "-fPIE"), ("-no-pie",)], ids=" ".join)
def test_a_program_with_holes_between_its_segments(compile_c, flags):
    """As in make and node: libc reports the start of one segment as the start of the file."""
    text = """
    #include <unistd.h>
    __attribute__((noinline)) int grow(void) { return sbrk(4096) == (void *)-1; }
    int main(void) { return grow() + 0 * getpid(); }
    """
    program = compile_c("holes", text, "-Wl,-z,max-page-size=0x200000,--build-id", *flags)
    recording = record(program)
    move, = direct_moves(recording)
    assert [f["function"] for f in move["stack"]][:2] == ["grow", "main"] and functions(move)[-1] == "_start"
    assert "another file" not in recording.report_text()


VARYING_BASE = r"""
    int move(long anything);
    __asm__(".globl move\n.type move, @function\nmove:\n.cfi_startproc\n"
            "push %rbp\n.cfi_def_cfa_offset 16\n.cfi_offset %rbp, -16\n"
            "mov %rdi, %rbp\n"
            "mov $64, %edi\ncall sbrk@PLT\n"
            "pop %rbp\n.cfi_def_cfa_offset 8\n"
            "ret\n.cfi_endproc\n.size move, .-move\n");
    int main(void) { for (long i = 0; i < 1000; i++) move(i); return 0; }
"""


@machine.needs("x86-64")
def test_a_frame_pointer_that_is_none_costs_no_walk(compile_c):
    """Optimized code keeps any value in that register: the memo still works."""
    harness.need("gdb")
    program = compile_c("varying", VARYING_BASE)
    done = run("gdb", "-batch", "-nx", "-ex", "set debuginfod enabled off", "-ex", f"set environment LD_PRELOAD {harness.SHIM}",
               "-ex", "set breakpoint pending on", "-ex", "break unwind_begin", "-ex", "ignore 1 1000000", "-ex", "run",
               "-ex", "info breakpoints", program)
    walks = int(re.search(r"already hit (\d+) time", done.stdout)[1])
    assert 0 < walks < 10
    assert len(direct_moves(Recording("default"))) == 1000


# ---- plug-ins ----


@pytest.fixture
def plugins(tmp_path):
    """Four files that differ only in a name and a number: ./a.so, ./b.so, ..."""
    for name in "abcd":
        (tmp_path / f"{name}.c").write_text(f"""
            #include <sys/shm.h>
            void reloaded_call(void);
            __attribute__((noinline)) static void in_{name}(void)
            {{ struct shmid_ds facts; shmctl(-{ord(name)}, IPC_STAT, &facts); __asm__ volatile(""); }}
            void reloaded_call(void) {{ in_{name}(); __asm__ volatile(""); }}
        """)
        subprocess.run(["cc", "-O1", "-g", "-shared", "-fPIC", "-o", f"{name}.so", f"{name}.c"], check=True)
    return [f"./{name}.so" for name in "abcd"]


def check_plugins(recording, folder, count):
    """Each call is attributed to its file; its argument names the file."""
    calls = recording.calls("--call=shmctl")
    assert len(calls) == count
    for call in calls:
        name = chr(-call["args"]["shmid"])
        frame = call["stack"][0]
        assert (frame["function"], frame["module"]) == (f"in_{name}", str(folder / f"{name}.so"))
    return calls


def test_another_file_at_the_same_address(plugins, tmp_path):
    """Also when it is loaded by a relative name: the name is relative to the start folder."""
    recording = record(target("reloads"), 20, *plugins[:2])
    check_plugins(recording, tmp_path, 40)


def test_loading_in_threads_while_the_break_moves(plugins, tmp_path):
    """10,000 rounds: no deadlock, no wrong file, no loss."""
    recording = unharmed(target("reloads"), ROUNDS, *plugins, options=("-q", "-k", "3"))
    report = recording.report()
    assert not any(report["coverage"]["lost"].values())
    assert report["processes"][0]["break"]["moves"] > 100
    check_plugins(recording, tmp_path, 4 * ROUNDS)


def test_the_same_file_at_another_address(plugins, compile_c):
    """Its addresses are not guessed; its functions are known."""
    program = compile_c("moves_on", """
        #include <dlfcn.h>
        static void call(void *library) { ((void (*)(void))dlsym(library, "reloaded_call"))(); }
        int main(int argc, char **argv)
        {
            void *library = dlopen(argv[1], RTLD_NOW);
            call(library);
            dlclose(library);
            call(dlopen(argv[2], RTLD_NOW));
            call(dlopen(argv[1], RTLD_NOW));
        }
    """, "-ldl")
    calls = record(program, *plugins[:2]).calls("--call=shmctl")
    assert [c["stack"][0]["function"] for c in calls] == ["in_a", "in_b", "in_a"]
    assert [c["stack"][0]["pc"] is None for c in calls] == [True, False, True]


@pytest.mark.parametrize("options,full", [((), False), (("--log-size=1M",), True)])
def test_more_files_than_are_remembered(plugins, compile_c, options, full):
    """Each has name and address or, where the tables are full, is missing and counted."""
    program = compile_c("hoards", """
        #include <dlfcn.h>
        #include <stdio.h>
        static void *held[300];
        int main(int argc, char **argv)
        {
            char name[32];
            for (int round = 0; round < 3; round++)
                for (int i = 0; i < 300; i++) {
                    snprintf(name, sizeof name, "./copy%d.so", i);
                    if (!held[i]) held[i] = dlopen(name, RTLD_NOW);
                    ((void (*)(void))dlsym(held[i], "reloaded_call"))();
                }
        }
    """, "-ldl")
    for i in range(300):
        shutil.copy(plugins[0], f"copy{i}.so")
    recording = record(program, options=(*options, "-k", "3"))
    calls = recording.calls("--call=shmctl")
    found = [e["stack"][0] for e in calls if e["stack"][0]["module"]]
    assert len(calls) == 900 and (len(found) < 900) == full
    assert (recording.report()["coverage"]["lost"]["stacks_full"] > 0) == full
    assert all(frame["pc"] and frame["function"] == "in_a" for frame in found)
    if not full:
        assert [os.path.basename(frame["module"]) for frame in found] == [f"copy{i}.so" for i in range(300)] * 3


def test_where_a_file_lies_is_said_once(plugins, compile_c):
    """Each address is stored once, so there is space for the last file."""
    program = compile_c("recurs", """
        #include <dlfcn.h>
        #include <stdio.h>
        static void *held[61];
        static void call(int i, int depth)
        {
            if (depth) call(i, depth - 1);
            else ((void (*)(void))dlsym(held[i], "reloaded_call"))();
            __asm__ volatile("");
        }
        int main(int argc, char **argv)
        {
            char name[32];
            for (int i = 0; i < 60; i++) {
                snprintf(name, sizeof name, "./copy%d.so", i);
                held[i] = dlopen(name, RTLD_NOW);
            }
            for (int depth = 0; depth < 200; depth++)
                for (int i = 0; i < 60; i++) call(i, depth);
            held[60] = dlopen("./b.so", RTLD_NOW);
            call(60, 0);
        }
    """, "-ldl", "-fno-optimize-sibling-calls")
    for i in range(60):
        shutil.copy(plugins[0], f"copy{i}.so")
    last = record(program, options=("--log-size=1M", "-k", "3")).calls("--call=shmctl")[-1]["stack"][0]
    assert last["function"] == "in_b" and last["pc"]


def test_rebuilt_while_the_program_runs(plugins, compile_c, tmp_path):
    """The file with this name was rebuilt: the old one's calls do not get names of the new one."""
    program = compile_c("again", """
        #include <dlfcn.h>
        #include <unistd.h>
        static void call(const char *path)
        {
            void *library = dlopen(path, RTLD_NOW);
            ((void (*)(void))dlsym(library, "reloaded_call"))();
            dlclose(library);
        }
        int main(int argc, char **argv)
        {
            call("./a.so");
            if (rename("./b.so", "./a.so")) return 1;
            call("./a.so");
        }
    """, "-ldl", "-include", "stdio.h")
    recording = record(program)
    old, new = recording.calls("--call=shmctl")
    assert (functions(old)[0], functions(new)[0]) == (None, "in_b")
    assert f"{tmp_path}/a.so: another file than the one that was loaded" in recording.report_text()


def test_loaded_late_by_the_program_itself(plugins, compile_c, tmp_path):
    """Without libc's counter of loads the memo is not used, and no name is wrong."""
    program = compile_c("late", """
        #include <dlfcn.h>
        static void call(const char *path)
        {
            void *library = dlopen(path, RTLD_NOW);
            ((void (*)(void))dlsym(library, "reloaded_call"))();
            dlclose(library);
        }
        int main(int argc, char **argv)
        {
            if (!dlopen(argv[1], RTLD_NOW)) return 3;
            for (int i = 0; i < 8; i++) call(i % 2 ? "./b.so" : "./a.so");
        }
    """, "-ldl")
    done = run(program, harness.SHIM)
    assert done.returncode == 0
    check_plugins(Recording(os.path.join(os.environ["MEMSHIM_DIR"], "default.seg")), tmp_path, 8)


# ---- real programs ----


def entry_of(path):
    """The address in the file where the kernel starts it."""
    with open(path, "rb") as file:
        return struct.unpack_from("<Q", file.read(32), 24)[0]


def check_whole_walks(recording, exe):
    """Each stack ends where the kernel started the program, or the loader."""
    seen = 0
    for event in recording.calls(f"--exe={exe}"):
        if sum(not frame.get("inlined") for frame in event["stack"]) == DEEPEST:
            continue
        outermost = event["stack"][-1]
        start = entry_of(outermost["module"])
        assert start < int(outermost["offset"], 16) <= start + 64, event
        seen += 1
    return seen


PROGRAMS = {
    "python3": ("/usr/bin/python3", "-c", "import json; x = [str(i) * 9 for i in range(90000)]; json.dumps(x)"),
    "git": ("git", "-C", str(harness.TOP), "log", "--oneline", "-n", "200"),
    "bash": ("bash", "-c", "for i in {1..40000}; do x[i]=$i$i$i; done"),
    "perl": ("perl", "-e", "push @x, $_ x 9 for 1 .. 90000"),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_walks_of_real_programs_are_whole(name):
    recording = record(*PROGRAMS[name], options=("-k", str(DEEPEST)))
    exe = os.path.realpath(shutil.which(PROGRAMS[name][0]))
    assert check_whole_walks(recording, os.path.basename(exe)) >= 2
    named = {f for e in recording.calls() for f in functions(e)}
    expected = {"python3": "Py_BytesMain", "bash": "parse_and_execute", "perl": "perl_run"}.get(name)
    assert expected is None or expected in named


def test_walks_of_a_database_are_whole(tmp_path, own_world):
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    assert found, "postgresql: not installed: run scripts/check"
    tools = os.path.dirname(found[-1])
    if harness.IS_ROOT:
        for folder in (tmp_path, own_world):
            shutil.chown(folder, "postgres")
        for folder in tmp_path.parents:
            if str(folder) != "/" and folder.stat().st_mode & 1 == 0:
                folder.chmod(folder.stat().st_mode | 0o011)
    user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups") if harness.IS_ROOT else ()
    made = run(*user, f"{tools}/initdb", "-D", tmp_path / "data", "-A", "trust", "--no-sync")
    assert made.returncode == 0, made.stderr
    (tmp_path / "query").write_text("select count(*) from generate_series(1, 100000) order by 1;\n")
    recording = record(f"{tools}/postgres", "--single", "-D", tmp_path / "data", "postgres", before=user,
                       options=("-k", str(DEEPEST)), output=str(tmp_path / "memshim.data"),
                       stdin=open(tmp_path / "query"))
    assert check_whole_walks(recording, "postgres") > 3
    assert any("PostgresSingleUserMain" in functions(e) for e in recording.calls())


# ---- damaged tables ----


def test_damaged_tables_under_a_sanitizer(tmp_path):
    sources = [*glob.glob(str(harness.TOP / "preload" / "cfi*.c")),
               *(str(harness.TOP / "preload" / name) for name in ("unwind.c", "module.c", "libc.c"))]
    subprocess.run(["gcc", "-O1", "-g", "-std=gnu11", "-D_GNU_SOURCE", f"-I{harness.TOP}",
                    "-ftls-model=initial-exec", "-fsanitize=address,undefined",
                    "-fno-sanitize-recover=undefined", "-o", "cfi",
                    harness.TOP / "tests" / "fuzz" / "cfi.c", *sources], check=True)
    libc, = glob.glob("/lib/*-linux-gnu/libc.so.6") or glob.glob("/lib64/libc.so.6")
    done = run("./cfi", libc, 20261124, 60000)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[:3000]


def sections(path):
    """name: (offset, size) of a file's sections."""
    listed = run("objdump", "-h", path).stdout.splitlines()
    rows = [line.split() for line in listed if line.strip()[:1].isdigit()]
    return {row[1]: (int(row[5], 16), int(row[2], 16)) for row in rows}


def test_programs_with_damaged_tables_are_unharmed(tmp_path):
    """With damaged tables, the program runs to its end and its calls are logged."""
    harness.need("objdump")
    source = harness.TOP / "tests" / "targets" / "walks.c"
    subprocess.run(["cc", "-O1", "-o", "sound", source, "-pthread", "-ldl"], check=True)
    sound, chance = open("sound", "rb").read(), random.Random(20261124)
    for i in range(40):
        damaged = bytearray(sound)
        offset, size = sections("sound")[chance.choice((".eh_frame", ".eh_frame", ".eh_frame_hdr"))]
        for _ in range(chance.choice((1, 8, 64))):
            damaged[offset + chance.randrange(size)] = chance.randrange(256)
        with open(f"damaged-{i}", "wb") as file:
            file.write(damaged)
        os.chmod(f"damaged-{i}", 0o755)
        recording = record(f"./damaged-{i}", chance.choice(("deep", "roomy", "signal", "altstack", "thread")))
        assert len(direct_moves(recording)) == 1
