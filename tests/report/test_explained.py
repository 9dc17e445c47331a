# SPDX-License-Identifier: MIT
"""Why calls failed, by what the recorder saw right after the call. The cause no longer exists when the report is read."""

import errno
import re

import pytest

import harness
import machine
import tables
from harness import Recording, run
from story import IPC_CREAT, KEY, NEW, SHM_RDONLY, SHM_REMAP, Teller, kernel_rows, recorded

needs_root = machine.needs("root")


def failures(path="memshim.data"):
    return "\n".join(f["text"] for f in Recording(path).report()["findings"] if f["kind"] == "failed-call")


def set_limit(name, value):
    with open(f"/proc/sys/kernel/{name}", "w", encoding="ascii") as limit:
        limit.write(str(value))


@needs_root
def test_too_many_segments():
    set_limit("shmmni", 3)
    with recorded() as lines:
        program = Teller(lines)
        ids = [program.get(KEY + i) for i in range(3)]
        assert program.get(KEY + 3) == -errno.ENOSPC
        harness.wait_until(lambda: "shmmni allows" in failures(), "the recorder has looked")
        for shmid in ids:
            program.tell("use", shmid)
            program.tell("rm")
        set_limit("shmmni", 4096)
        lines.end()
    assert "all 3 segments that kernel.shmmni allows exist; 3 of them, the most, were created by ledger" in failures()


@needs_root
def test_too_many_pages():
    set_limit("shmall", 10)
    with recorded() as lines:
        program = Teller(lines)
        program.get(KEY, 4096 * 7)
        assert program.get(KEY + 1, 4096 * 4) == -errno.ENOSPC
        harness.wait_until(lambda: "shmall allows" in failures(), "the recorder has looked")
        program.tell("rm")
        lines.end()
    assert ("the call asked for 4 pages, and 7 of the 10 that kernel.shmall allows are in use; 7 of them, the most, "
            "by ledger") in failures()


@needs_root
def test_too_large():
    set_limit("shmmax", 8192)
    with recorded() as lines:
        assert Teller(lines).get(KEY, 12288) == -errno.EINVAL
        lines.end()
    set_limit("shmmax", 1 << 40)
    assert "the call asked for 12K, and kernel.shmmax is 8K" in failures()


@needs_root
def test_size_of_an_older_segment_is_known():
    """No process of the session created the segment, and it is gone when the recording is read: its size is known."""
    assert run("ipcmk", "-M", "8192").returncode == 0
    shmid, = kernel_rows()
    key = kernel_rows()[shmid]["key"]
    with recorded() as lines:
        program = Teller(lines)
        assert program.get(key, 65536, 0o600) == -errno.EINVAL
        assert program.get(key, 100, NEW) == -errno.EEXIST
        assert program.get(key, 100, IPC_CREAT | 0o600) == shmid
        program.tell("at")
        harness.wait_until(lambda: Recording("memshim.data").report()["attachments"], "it is logged")
        program.tell("dt")
        program.tell("rm")
        lines.end()
    report = Recording("memshim.data").report()
    segment, = report["segments"]
    assert (segment["size"], segment["creator"], segment["state"]) == (8192, None, "destroyed")
    assert report["attachments"][0]["size"] == 8192
    assert f"segment {shmid} with this key has 8K, and the call asked for 64K; it was created by pid" in failures()
    assert f"segment {shmid} has the key {key & 0xffffffff:#010x} and was created by pid" in failures()


def test_data_limit():
    with recorded("sh", "-c", f"ulimit -d 4096; exec {harness.target('ledger')}") as lines:
        assert Teller(lines).tell("break", 64 << 20) == -errno.ENOMEM
        harness.wait_until(lambda: "RLIMIT_DATA is" in failures(), "the recorder has looked")
        lines.end()
    assert "RLIMIT_DATA is 4M, and the call asked for 64M more" in failures()


def test_mapping_above_the_break(compile_c):
    """The report names the mapping that blocks the break."""
    program = compile_c("walled", """
    #include <fcntl.h>
    #include <stdint.h>
    #include <sys/mman.h>
    #include <unistd.h>
    int main(void)
    {
        uintptr_t at = ((uintptr_t)sbrk(0) + 8191) & ~4095ul;
        int fd = open("/etc/passwd", O_RDONLY);
        char byte;
        if (mmap((void *)at, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0) != (void *)at)
            return 2;
        if (sbrk(1 << 20) != (void *)-1)
            return 3;
        write(1, "refused\\n", 8);
        return read(0, &byte, 1);
    }
    """)
    with recorded(program) as lines:
        lines.wait_for("refused")
        harness.wait_until(lambda: "/etc/passwd begins" in failures(), "the recorder has looked")
        assert lines.end()[0] == 0
    assert "above the break, and the call asked for 1M" in failures()


# ---- each reason by itself: what a program did, and the reason that is reported ----

SHM_HUGETLB = 0o4000
MAKE = ("get", KEY, 4096, NEW)
LIMITED = {"address space": ("-v", 100000), "data": ("-d", 4096)}


def told(*words, limit=None, advice=False):
    """Runs a ledger program, and returns the explanation of its failed call once the recorder has read the kernel."""
    command = ("sh", "-c", f"ulimit {limit[0]} {limit[1]}; exec {harness.target('ledger')}") if limit else ()
    with recorded(*command) as lines:
        program = Teller(lines)
        answers = [word(program) if callable(word) else program.tell(*word) for word in words]
        assert any(a < 0 for a in answers), answers
        lines.end()
    found = [f for f in Recording("memshim.data").report()["findings"] if f["kind"] == "failed-call"]
    return "\n".join(f["text"] + (f" > {f['advice']}" if advice else "") for f in found)


def attach_over(program):
    return program.tell("at", program.tell("at"))


def attach_over_libc(program):
    pid = Recording("memshim.data").report()["processes"][-1]["pid"]
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
        address = next(int(line.split("-")[0], 16) for line in maps if "libc.so.6" in line)
    return program.tell("at", address + 4096)


def detach_twice(program):
    address = program.tell("at")
    program.tell("dt", address)
    return program.tell("dt", address)


def detach_inside(program):
    return program.tell("dt", program.tell("at") + 16)


def detach_replaced(program):
    address = program.tell("at")
    assert program.get(KEY + 1, 8192) >= 0
    assert program.tell("at", address, SHM_REMAP) == address
    assert program.tell("dt", address) == 0
    return program.tell("dt", address)


ALONE = {
    "size 0": ((("get", KEY, 0, NEW),), "the call asked for a size of 0; the least size (SHMMIN) is 1 > a new segment needs"),
    "no such huge pages": ((("get", KEY, 4096, NEW | SHM_HUGETLB | 1 << 26),),
                           "the call asked for huge pages of 2 (2^1 bytes), and this kernel has none of that size > see the sizes"),
    "there, whatever pages": ((MAKE, ("get", KEY, 8192, 0o600 | SHM_HUGETLB | 1 << 26)), "with this key has 4K, and the call asked for 8K"),
    "larger than it is": ((MAKE, ("get", KEY, 8192, 0o600)), "with this key has 4K, and the call asked for 8K; it was created by"),
    "there": ((MAKE, MAKE), "has the key 0x6d656d10 and was created by ledger ("),
    "not there": ((("get", KEY, 1, 0o600),), "no segment has the key 0x6d656d10, and the call did not pass IPC_CREAT"),
    "no more there": ((MAKE, ("rm",), ("get", KEY, 1, 0o600)), "had the key 0x6d656d10, and was removed"),
    "-1": ((("get", KEY, 1, 0o600), ("at",)), "shmat failed 1 time with EINVAL: -1 is not an id: shmget failed"),
    "no id": ((("use", 123456), ("at",)), "no segment has the id 123456 > list the ids"),
    "key": ((MAKE, ("use", KEY), ("stat",)), "0x6d656d10 is a key, not an id: the segment with this key has the id"),
    "removed": ((MAKE, ("rm",), ("at",)), "before this call by ledger ("),
    "unaligned": ((MAKE, ("at", 0x100001)), "0x100001 is not a multiple of the page size, and the call did not pass SHM_RND"),
    "unaligned, and no id": ((("use", 9), ("at", 0x100001)), "0x100001 is not a multiple of the page size"),
    "replaces nothing": ((MAKE, ("at", 0, SHM_REMAP)), "the call passed SHM_REMAP without an address"),
    "too high": ((MAKE, ("at", 1 << 50)), "0x4000000000000 is beyond the address space"),
    "attached there": ((MAKE, attach_over), "; SHM_REMAP would replace it > pass no address"),
    "never attached": ((("dt", 0x7f0000000000),), "no segment was ever attached at 0x7f0000000000 in this process"),
    "detached before": ((MAKE, detach_twice), "was attached there, and was detached "),
    "detached nothing": ((("use", 0), lambda program: program.tell("dt")), "the call passed NULL, where no segment can be attached"),
    "inside": ((MAKE, detach_inside), "0 > pass the address that shmat returned"),
    "too much": ((("break", 1 << 60),), "the call asked for 1E, and no address space is that large"),
}


@pytest.mark.parametrize("name", ALONE)
def test_by_the_log_alone(name):
    """Earlier calls explain the failure, with or without a kernel snapshot."""
    words, expected = ALONE[name]
    text = told(*words, advice=True)
    assert expected in text, text


@pytest.mark.parametrize("address,above", [(-1, "0xffffffffffffffff is 16"), (1 << 62, "0x4000000000000000 is 4")])
def test_too_high_a_break(compile_c, address, above):
    """A break far too high is explained, whatever the sign of the difference."""
    program = compile_c("high", f"""
        #include <unistd.h>
        int main(void) {{ return brk((void *){address}L) == 0; }}""")
    harness.record(program, options=("-q",))
    finding, = [f for f in Recording("memshim.data").report()["findings"] if f["kind"] == "failed-call"]
    assert re.search(f": {above}(\\.0)?E above the break, and no address space is that large$", finding["text"]), finding
    assert finding["advice"] == "check how the program computes the address"


def seen(expected):
    """The recorder takes its snapshot a moment later, while the program still runs."""
    def wait(program):
        harness.wait_until(lambda: expected in failures(), f"{expected!r} in {failures()!r}")
        return 0
    return wait


SEEN = {
    "no memory": ((("get", KEY, 1 << 44, NEW),), None, "the call asked for 16T, and memory and swap together are "),
    "no huge pages": ((("get", KEY, 1 << 40, NEW | SHM_HUGETLB),), None, "the call asked for 1T in huge pages, and "),
    "mapped there": ((MAKE, attach_over_libc), None, "libc.so.6 is already mapped at 0x"),
    "address space": ((("get", KEY, 200 << 20, NEW), ("at",)), "address space", "RLIMIT_AS is 97.7M, "),
    "more than there is": ((("break", 1 << 42),), None, "the call asked for 4T, and memory and swap together are "),
    "no addresses left": ((("break", 90 << 20),), "address space", "RLIMIT_AS is 97.7M, "),
    "data": ((("break", 64 << 20),), "data", "RLIMIT_DATA is 4M, and the call asked for 64M more"),
}


@pytest.mark.parametrize("name", SEEN)
def test_by_what_the_recorder_saw(name):
    words, limit, expected = SEEN[name]
    text = told(*words, seen(expected), ("rm",), limit=LIMITED.get(limit))
    assert expected in text, text


@needs_root
@pytest.mark.parametrize("mode,words,expected", [
    (0o600, ("get", KEY, 0, 0o600), "has mode 0600 and belongs to uid 0; uid 65534 tried to read and write it"),
    (0o600, ("at", 0, SHM_RDONLY), "has mode 0600 and belongs to uid 0; uid 65534 tried to read it"),
    (0o444, ("at",), "has mode 0444 and belongs to uid 0; uid 65534 tried to read and write it"),
    (0o600, ("stat",), "has mode 0600 and belongs to uid 0; uid 65534 tried to read its state"),
    (0o666, ("rm",), "has mode 0666 and belongs to uid 0; uid 65534 tried to change it")])
def test_permission_failures_name_the_owner(mode, words, expected):
    """The explanation names the owner, the caller, and what it asked for."""
    text = told(("get", KEY, 4096, NEW & ~0o777 | mode), ("uid", 65534), words, seen(expected))
    assert expected in text and "created by ledger (" in text, text


@needs_root
def test_creators_of_one_program_are_summed():
    """The creator of most segments is named as a program, when several of its processes created them."""
    set_limit("shmmni", 4)
    fork, private = ("fork",), ("get", 0, 4096, NEW)
    text = told(private, private, fork, private, fork, private, private, seen("shmmni allows"))
    set_limit("shmmni", 4096)
    assert "4 of them, the most, were created by 3 processes of ledger" in text, text


# ---- what this kernel does not do ----

FAILURES = [row[:3] for row in tables.rows("report/model/failures.def", "FAILURE")]
REFUSED = {"SHMGET": ("get", KEY, 4096, NEW), "SHMAT": ("at",), "SHMDT": ("dt",), "SHMCTL": ("stat",)}
MADE = {"SHMGET": (), "SHMAT": (MAKE,), "SHMDT": (MAKE, ("at",)), "SHMCTL": (MAKE,)}


def told_of_injected(call, error, *words):
    """As `told`, for a program whose first call of this kind gets an injected error."""
    harness.need("strace")
    name = call.lower()
    strace = ("strace", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:error={error}:when=1")
    with recorded(*strace, harness.target("ledger")) as lines:
        program = Teller(lines)
        answers = [program.tell(*word) for word in words]
        assert answers[-1] == -getattr(errno, error), answers
        if call != "SHMGET":
            program.tell("rm")
        lines.end()
    findings = Recording("memshim.data").report()["findings"]
    finding, = [f for f in findings if f["kind"] == "failed-call" and f"with {error}" in f["text"]]
    return finding


@pytest.mark.parametrize("call,error,severity", [row for row in FAILURES if row[0] in REFUSED], ids="-".join)
def test_every_row(call, error, severity):
    """Each row of failures.def: the call, the error, the severity, the reason and the advice."""
    finding = told_of_injected(call, error, *MADE[call], REFUSED[call])
    assert finding["severity"] == severity.lower()
    head, why = finding["text"].split(f"with {error}: ", 1)
    assert head.startswith(f"ledger: {call.lower()} failed 1 time") and why and finding["advice"]


@pytest.mark.parametrize("call,error,words,expected", [
    ("SHMAT", "EIDRM", (MAKE, ("rm",), ("at",)), " before this call by ledger ("),
    ("SHMCTL", "EIDRM", (MAKE, ("stat",)), "with EIDRM: the segment was removed"),
    ("SHMGET", "EPERM", (("get", KEY, 4096, NEW | SHM_HUGETLB),), "SHM_HUGETLB needs CAP_IPC_LOCK, the group of vm.hugetlb_shm_group"),
    ("SHMGET", "ENOMEM", (("get", KEY, 4096, NEW),), "with ENOMEM: the kernel had no memory for the segment"),
    ("SHMCTL", "EACCES", (MAKE, ("stat",)), "tried to read its state"),
    ("SHMAT", "EACCES", (MAKE, ("at", 0, SHM_RDONLY)), "tried to read it")])
def test_failures_injected_by_strace(call, error, words, expected):
    text = told_of_injected(call, error, *words)["text"]
    assert expected in text and (error != "EIDRM" or call != "SHMAT" or "was removed" in text), text


def test_rows_about_the_break():
    """The rows about the break, whose system call has no error: each has its program here. test_mapped.py has mappings."""
    assert {call for call, _, _ in FAILURES if call[:3] not in ("SEM", "MSG")} - set(REFUSED) == {
        "BRK", "SBRK", "MMAP", "MREMAP", "MPROTECT"}
    script = ("import ctypes; c = ctypes.CDLL('libc.so.6'); c.brk.argtypes = [ctypes.c_void_p];"
              "c.brk(1 << 62); i = c.shmget(0, 1, 0o1600); c.shmctl(i, 2, ctypes.c_void_p(8)); c.shmctl(i, 0, None)")
    harness.record("/usr/bin/python3", "-c", script, options=("-q",))
    text = failures()
    assert "brk failed 1 time with ENOMEM: 0x4000000000000000 is " in text and "no address space is that large" in text
    assert "shmctl failed 1 time with EFAULT: the buffer's address is bad" in text, text
