# SPDX-License-Identifier: MIT
"""Why calls failed, by what the recorder saw at that moment: it is gone when the report is read."""

import errno

import pytest

import harness
from harness import Recording, run
from story import IPC_CREAT, KEY, NEW, Teller, kernel_rows, recorded

needs_root = pytest.mark.skipif(not harness.IS_ROOT, reason="needs an IPC namespace of its own")


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
    assert "all 3 segments that kernel.shmmni allows are there; 3 of them, the most, were made by ledger" in failures()


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
    assert ("4 pages were asked for, and 7 of the 10 that kernel.shmall allows are taken; 7 of them, the most, "
            "by ledger") in failures()


@needs_root
def test_too_large():
    set_limit("shmmax", 8192)
    with recorded() as lines:
        assert Teller(lines).get(KEY, 12288) == -errno.EINVAL
        lines.end()
    set_limit("shmmax", 1 << 40)
    assert "12K were asked for, and kernel.shmmax is 8K" in failures()


@needs_root
def test_a_segment_that_was_there():
    """Made by nobody of the session, and gone when the recording is read: its size is known all the same."""
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
    assert f"segment {shmid} with this key has 8K, and 64K were asked for; it was made by pid" in failures()
    assert f"segment {shmid} has this key, made by pid" in failures()


def test_data_limit():
    with recorded("sh", "-c", f"ulimit -d 4096; exec {harness.target('ledger')}") as lines:
        assert Teller(lines).tell("break", 64 << 20) == -errno.ENOMEM
        harness.wait_until(lambda: "RLIMIT_DATA is" in failures(), "the recorder has looked")
        lines.end()
    assert "RLIMIT_DATA is 4M, and 64M more were asked for" in failures()


def test_mapping_above_the_break(compile_c):
    """What stands in the way has a name."""
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
    assert "above the break, and 1M were asked for" in failures()
