# SPDX-License-Identifier: MIT
"""
Files that a recording names and that an attacker made expensive: each costs a name, and not the report. Time is CPU
time; memory is the most that any process of memshim used.
"""

import os
import pathlib
import re
import struct
import subprocess
import time
import zlib

import pytest

import harness
from harness import MEMSHIM, memshim, record, run, target
from terminal import Terminal

SOURCE = harness.TOP / "tests" / "targets" / "walks.c"
MIB = 1 << 20
SLOW = 12 if harness.BUILD.name in ("asan", "ubsan", "tsan", "sanitized") else 1
GROWS = """
    #include <unistd.h>
    __attribute__((noinline)) void grow(void) { sbrk(4096); __asm__ volatile(""); }
    int main(void) { grow(); }
"""


class Cost:
    """memshim's output, and what it and its children used."""

    def __init__(self, *argv):
        done = harness.run_measured(MEMSHIM, *argv, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace")
        self.status, self.output = done.returncode, done.stdout
        self.seconds, self.bytes = done.seconds, done.kibibytes * 1024

    def is_small(self, seconds=6):
        assert self.status == 0, self.output
        assert self.seconds < seconds * SLOW, self.seconds
        assert SLOW > 1 or self.bytes < 400 * MIB, self.bytes
        return True


def costly_name(doublings):
    """A C++ name in which each part doubles the text of the one before."""
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "_Z1f1AIiiE" + "".join(f"S_IS{digits[i]}_S{digits[i]}_E" for i in range(doublings))


def test_cpp_name_that_doubles(compile_c):
    """Only the function with that name has no name in the report."""
    name = costly_name(33)
    assert len(name) < 342
    recording = record(compile_c("doubles", f"""
        #include <unistd.h>
        static void evil(void) __asm__("{name}") __attribute__((noinline));
        static void evil(void) {{ sbrk(4096); __asm__ volatile(""); }}
        __attribute__((noinline)) static void other(void) {{ sbrk(8192); __asm__ volatile(""); }}
        int main(void) {{ evil(); other(); }}
    """))
    cost = Cost("report", recording.path)
    assert cost.is_small()
    assert "other (doubles)" in cost.output and "doubles+0x" in cost.output
    assert "doubles: reading its symbols took too long" in cost.output or "doubles: its symbols are too large" in cost.output


def section(data, name):
    """The offset of a section's header."""
    at, = struct.unpack_from("<Q", data, 40)
    count, names = struct.unpack_from("<HH", data, 60)
    texts, = struct.unpack_from("<Q", data, at + names * 64 + 24)
    for header in range(at, at + count * 64, 64):
        begin = texts + struct.unpack_from("<I", data, header)[0]
        if data[begin:data.index(0, begin)] == name:
            return header
    raise AssertionError(name)


def bomb(whole_bytes):
    """Zeros, compressed to a thousandth, as in a compressed section."""
    press = zlib.compressobj(9, zlib.DEFLATED, -15)
    piece = press.compress(bytes(MIB)) + press.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    check = struct.pack(">I", (whole_bytes % 65521) << 16 | 1)
    return struct.pack("<IIQQ", 1, 0, whole_bytes, 1) + b"\x78\xda" + piece * (whole_bytes // MIB) + end + check


def test_compressed_section(compile_c, tmp_path):
    """1 MB that expands to 1 GB: lines are missing, functions have names."""
    program = pathlib.Path(compile_c("bomb", GROWS))
    (tmp_path / "payload").write_bytes(bomb(1 << 30))
    subprocess.run(["objcopy", "--add-section", ".debug_info=payload", "--add-section", ".debug_abbrev=payload", program], check=True)
    data = bytearray(program.read_bytes())
    flags = section(data, b".debug_info") + 8
    struct.pack_into("<Q", data, flags, struct.unpack_from("<Q", data, flags)[0] | 0x800)
    program.write_bytes(data)
    cost = Cost("report", record(program).path)
    assert cost.is_small() and "grow (bomb)" in cost.output


@pytest.fixture(params=["count of sections", "symbols", "dynamic symbols", "strings"])
def sparse(request, compile_c):
    """A program of a few KiB on the disk, with a table of 2.5 GB."""
    program = pathlib.Path(compile_c("sparse", GROWS))
    data = bytearray(program.read_bytes())
    size, begin = 2500 * MIB, 1 << 20
    if request.param == "count of sections":
        struct.pack_into("<H", data, 60, 0)
        struct.pack_into("<Q", data, 40, begin)
    else:
        name = {"symbols": b".symtab", "dynamic symbols": b".dynsym", "strings": b".strtab"}[request.param]
        struct.pack_into("<QQ", data, section(data, name) + 24, begin, size)
    with open(program, "wb") as file:
        file.write(data)
        file.truncate(begin + size)
        if request.param == "count of sections":
            file.seek(begin)
            file.write(struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, size // 64, 0, 0, 0, 0))
    assert program.stat().st_blocks * 512 < MIB
    return program


def test_sparse_table(sparse):
    """Neither the recorder nor the report reads it."""
    cost = Cost("record", "-q", sparse)
    assert cost.is_small(3), cost.output
    cost = Cost("report", "memshim.data")
    assert cost.is_small() and "sparse" in cost.output


def test_recorder_reads_no_large_table_of_a_checked_program(compile_c):
    """The recorder reads tables only of programs that need AddressSanitizer."""
    program = pathlib.Path(compile_c("checked", GROWS, "-fsanitize=address"))
    data = bytearray(program.read_bytes())
    struct.pack_into("<Q", data, section(data, b".dynsym") + 32, 2500 * MIB)
    with open(program, "wb") as file:
        file.write(data)
        file.truncate(2600 * MIB)
    assert Cost("record", "-q", program).seconds < 3 * SLOW


def plant(path, what):
    """A file that blocks or has an effect when it is opened."""
    pathlib.Path(path).unlink(missing_ok=True)
    if what == "fifo":
        os.mkfifo(path)
    else:
        os.symlink(what, path)


PLANTS = pytest.mark.parametrize("what", ["fifo", "/dev/zero", "/dev/tty", "/proc/kmsg", "/proc/self/mem", "/sys/kernel/notes", "."])


@PLANTS
def test_special_file_in_place_of_a_program(compile_c, what):
    program = pathlib.Path(compile_c("gone", GROWS))
    recording = record(program)
    plant(program, what)
    done = memshim("report", recording.path, timeout=30)
    assert done.returncode == 0 and "gone: cannot be read here" in done.stdout, done


@pytest.fixture
def linked(tmp_path):
    """A recording of a program with a separate debug file, and that file."""
    subprocess.run(["cc", "-O2", "-g", "-Wl,--build-id=none", "-o", "walks", SOURCE, "-pthread", "-ldl"], check=True)
    run("objcopy", "--only-keep-debug", "walks", "walks.debug")
    run("strip", "walks")
    assert run("objcopy", "--add-gnu-debuglink=walks.debug", "walks").returncode == 0
    os.utime("walks", (1, 1))
    time.sleep(0.01)
    recording = record("./walks", "static")
    assert "walks.c:" in recording.events_text("-k", "--call=sbrk")
    return recording, tmp_path / "walks.debug"


@PLANTS
def test_special_file_in_place_of_debug_information(linked, what):
    recording, debug = linked
    plant(debug, what)
    done = memshim("events", "-k", recording.path, timeout=30)
    assert done.returncode == 0 and "walks.c:" not in done.stdout


@PLANTS
def test_special_file_that_debug_information_names(tmp_path, what):
    """The debug information names a split unit, which a library may open by itself."""
    subprocess.run(["cc", "-O2", "-g", "-gsplit-dwarf", "-o", "walks", SOURCE, "-pthread", "-ldl"], check=True)
    split, = [path for path in tmp_path.iterdir() if path.suffix == ".dwo"]
    recording = record("./walks", "static")
    whole = recording.events_text("-k", "--call=sbrk")
    assert re.search(r"grow  walks.c:\d+", whole), "its lines are known"
    plant(split, what)
    done = memshim("events", "-k", "--call=sbrk", recording.path, timeout=30)
    assert done.returncode == 0 and "walks" in done.stdout


def test_script_whose_interpreter_is_a_fifo():
    os.mkfifo("fifo", 0o755)
    with open("script", "w", encoding="ascii") as file:
        file.write(f"#!{os.getcwd()}/fifo\n")
    os.chmod("script", 0o755)
    done = memshim("record", "./script", timeout=20)
    assert done.returncode == 126 and done.stdout == "", done


def damaged(data, seed):
    """A copy with one to forty changed bytes in its tables, debug information or headers; notes and text are unchanged."""
    import random
    chance = random.Random(seed)
    names = [b".debug_info", b".debug_abbrev", b".debug_line", b".debug_str", b".debug_aranges", b".symtab", b".strtab", b".eh_frame"]
    copy = bytearray(data)
    for _ in range(chance.randrange(1, 40)):
        if chance.randrange(8) == 0:
            begin, = struct.unpack_from("<Q", data, 40)
            size = 64 * struct.unpack_from("<H", data, 60)[0]
        else:
            begin, size = struct.unpack_from("<QQ", data, section(data, chance.choice(names)) + 24)
        copy[begin + chance.randrange(size)] = chance.randrange(256)
    return copy


def test_damaged_debug_information(tmp_path):
    """There is a report in time, with nothing on standard error."""
    subprocess.run(["cc", "-O2", "-g", "-Wl,--build-id", "-o", "walks", SOURCE, "-pthread", "-ldl"], check=True)
    recording = record("./walks", "static")
    sound = (tmp_path / "walks").read_bytes()
    for seed in range(25):
        (tmp_path / "walks").write_bytes(damaged(sound, seed))
        begin = time.monotonic()
        done = memshim("events", "-k", "--call=sbrk", recording.path, timeout=100)
        assert (done.returncode, done.stderr) == (0, ""), seed
        assert "sbrk(" in done.stdout and time.monotonic() - begin < 30 * SLOW, seed


# ---- the child ----

def status_of(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def child_of(pid):
    found = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(number) for number in found]


@pytest.fixture
def screen(tmp_path):
    """A live screen that shows call sites by name, with its symbol child."""
    recording = record(target("walks"), "static")
    with Terminal(MEMSHIM, "top", "-d", "0.1", recording.path, columns=120) as terminal:
        terminal.wait_for("walks")
        terminal.type("3")
        terminal.wait_for("grow")
        harness.wait_until(lambda: child_of(terminal.pid), "it has a child")
        yield terminal, child_of(terminal.pid)[0]


def test_child_has_no_rights(screen):
    _, child = screen
    status = status_of(child)
    assert status["CapEff"] == status["CapPrm"] == "0" * 16 and status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    if harness.IS_ROOT:
        assert set(status["Uid"].split()) == {"65534"} and status["Groups"].strip() == ""
    links = [os.readlink(f"/proc/{child}/fd/{fd}") for fd in os.listdir(f"/proc/{child}/fd")]
    rest = [link for link in links if link != "/dev/null" and not link.startswith("socket:")]
    assert sum(link.startswith("socket:") for link in links) == 1
    assert all("walks" in link or ".so" in link or "/debug/" in link for link in rest), links


def test_child_that_is_killed_or_stopped(screen):
    """The screen continues, ends on q, and leaves no process."""
    terminal, child = screen
    os.kill(child, 19)
    terminal.type("1")
    terminal.wait_for("PROGRAM")
    pid = terminal.pid
    terminal.type("q")
    harness.wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "the screen has ended")
    harness.wait_until(lambda: not os.path.exists(f"/proc/{child}"), "its child has ended")


def test_report_leaves_no_child():
    """After the report, no process of its session is left."""
    recording = record(target("walks"), "static")
    with subprocess.Popen([MEMSHIM, "report", recording.path], stdout=subprocess.PIPE, start_new_session=True) as report:
        assert b"grow  walks.c:" in report.communicate()[0] and report.returncode == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(report.pid, 0)


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer needs a process of its own")
def test_no_process_for_the_child(user):
    """At the limit of processes, the report has no names and says why."""
    assert user(MEMSHIM, "record", "-q", target("walks"), "static").returncode == 0
    assert "grow  walks.c:" in user(MEMSHIM, "report").stdout
    done = user("prlimit", "--nproc=0", MEMSHIM, "report")
    assert done.returncode == 0, done.stderr
    assert "walks+0x" in done.stdout and "walks: no process could be started to read its symbols" in done.stdout


# ---- recordings and segments ----

@pytest.mark.parametrize("command", ["report", "report --json", "events", "graph", "ls"])
@pytest.mark.parametrize("begin", ["zeros", "a header", "a header that claims all"])
def test_sparse_recording(command, begin, own_world):
    """A terabyte of zeros: one line, or what is there."""
    record(target("calls"), "3", options=("-q",))
    data = bytearray(open("memshim.data", "rb").read())
    if begin == "a header that claims all":
        struct.pack_into("<Q", data, 40, 1 << 40)
    where = own_world / "sparse.seg" if command == "ls" else pathlib.Path("sparse")
    with open(where, "wb") as file:
        file.write(b"" if begin == "zeros" else data)
        file.truncate(1 << 40)
    cost = Cost(*command.split(), *(() if command == "ls" else (where,)))
    assert cost.status in (0, 1) and cost.seconds < 2 * SLOW, cost.output
    assert SLOW > 1 or cost.bytes < 100 * MIB
    assert cost.status == 0 or cost.output.count("\n") == 1
