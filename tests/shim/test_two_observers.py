# SPDX-License-Identifier: MIT
"""strace and memshim observe the same run of a real program, and agree."""

import glob
import os
import shutil
import tempfile

import pytest

import harness
import machine
import second_observer
from harness import Recording, need, run

SYSTEM_PYTHON = "/usr/bin/python3"

# All six calls through libc's own entries, by a handle: symbol hooks never see these. Refused ones too.
CTYPES = r"""
import ctypes, subprocess, sys
c = ctypes.CDLL("libc.so.6", use_errno=True)
for name in ("sbrk", "shmat"):
    getattr(c, name).restype = ctypes.c_void_p
c.brk.argtypes = c.shmdt.argtypes = [ctypes.c_void_p]
c.sbrk.argtypes = [ctypes.c_long]
c.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
c.shmget.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_int]
c.shmctl.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
CREAT, EXCL, RDONLY, REMAP = 0o1000, 0o2000, 0o10000, 0o40000
RMID, SET, STAT, INFO, LOCK, UNLOCK, SHM_STAT, SHM_INFO = 0, 1, 2, 3, 11, 12, 13, 14
room = ctypes.create_string_buffer(512)
top = c.sbrk(0)
c.sbrk(8192); c.brk(top + 4096); c.brk(1); c.sbrk(-4096); c.sbrk(1 << 60); c.brk(1 << 46)
i = c.shmget(0, 8192, CREAT | 0o600)
k = c.shmget(0x77, 4096, CREAT | EXCL | 0o640)
c.shmget(0x77, 4096, CREAT | EXCL | 0o640); c.shmget(0x78, 4096, 0); c.shmget(0x77, 1 << 20, 0)
c.shmget(0, 0, CREAT); c.shmget(0x77, 0, 0); c.shmget(0, 4096, CREAT | 0o4000 | 0o600)
a = c.shmat(i, None, 0); b = c.shmat(k, None, RDONLY)
c.shmat(i, a, REMAP); c.shmat(12345678, None, 0); c.shmat(i, 1, 0); c.shmat(-1, None, 0)
c.shmdt(b); c.shmdt(b); c.shmdt(1); c.shmdt(None)
for command in (STAT, SET, INFO, SHM_INFO, LOCK, UNLOCK):
    c.shmctl(i, command, room)
c.shmctl(i, STAT, 8); c.shmctl(i, 99, room); c.shmctl(-5, STAT, room)
c.shmctl(0, SHM_STAT, room)
c.shmctl(k, RMID, None); c.shmctl(k, RMID, None); c.shmctl(i, RMID, None)
c.shmat(i, None, 0); c.shmdt(a); c.shmat(i, None, 0)
for _ in range(3):
    subprocess.run([sys.executable, "-c", "x = [bytes(3000) for i in range(400)]"], check=True)
"""

IPC_SYSV = r"""
use IPC::SysV qw(IPC_PRIVATE IPC_CREAT IPC_RMID S_IRWXU shmat shmdt memread memwrite ftok);
use IPC::SharedMem;
my $id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | S_IRWXU) // die;
my $at = shmat($id, undef, 0) // die;
memwrite($at, "hello", 0, 5) or die;
if (!fork) { memread($at, my $said, 0, 5) or exit 2; shmdt($at); exit($said eq "hello" ? 0 : 1) }
wait; die if $?;
shmdt($at); shmctl($id, IPC_RMID, 0) or die;
my $shm = IPC::SharedMem->new(IPC_PRIVATE, 8192, S_IRWXU) or die;
$shm->write(pack("A4", "text"), 2, 4); $shm->attach; $shm->detach; $shm->remove or die;
defined shmget(0x1234, 10, 0) and die;
"""

PERL_FORKS = r"""
my @all; for my $n (1 .. 6) { my $pid = fork; if (!$pid) { my %h = map { $_ => "x" x $n } 1 .. 4000; exit 0 }
push @all, $pid; $h{$_} = [1 .. 20] for $n * 1000 .. $n * 1000 + 800 } waitpid $_, 0 for @all;
"""

SYSV_IPC = r"""
import sysv_ipc, threading
def work():
    for n in range(25):
        with_room = sysv_ipc.SharedMemory(None, sysv_ipc.IPC_CREX, size=4096 * (n % 4 + 1))
        with_room.write(b"x" * 100); with_room.read(10); with_room.detach()
        with_room.attach(); with_room.detach(); with_room.remove()
        x = [bytes(2000) for i in range(50)]
threads = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
"""

RAW = r"""
#include <errno.h>
#include <stdio.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    long top = syscall(SYS_brk, 0), id;
    if (syscall(SYS_brk, top + 4096) != top + 4096) return 1;
    if (syscall(SYS_brk, 1) != top + 4096) return 2; /* the kernel answers with the break it keeps */
    syscall(SYS_brk, top);
    id = syscall(SYS_shmget, IPC_PRIVATE, 4096, 0600);
    long at = syscall(SYS_shmat, id, 0, 0);
    if (syscall(SYS_shmdt, at + 1) != -1 || errno != EINVAL) return 3;
    if (syscall(SYS_shmdt, at) != 0 || syscall(SYS_shmctl, id, IPC_RMID, 0) != 0) return 4;
    return syscall(SYS_getpid) == getpid() ? 0 : 5;
}
"""


def test_ls():
    recording, count = second_observer.watch("ls", "-l", "/usr/bin")
    assert count >= 3
    stacks = [[f["function"] or f["module"] for f in e["stack"]] for e in recording.calls()]
    assert any("libselinux" in place for stack in stacks for place in stack), "a constructor's move"
    moves = [(e["break"]["delta"], s[-4:]) for e, s in zip(recording.calls(), stacks)]
    grown, trimmed = moves[-2], moves[-1]
    assert grown[0] > 0 > trimmed[0] and grown[1] == trimmed[1], "two moves inside one realloc"


def test_bash_building_strings():
    script = "s=; for i in $(seq 2000); do s=$s$i$s; s=${s:0:60000}; done; echo ${#s} | cat"
    _, count = second_observer.watch("bash", "-c", script)
    assert count > 5


def test_python_with_subprocesses_and_ctypes():
    recording, _ = second_observer.watch(SYSTEM_PYTHON, "-c", CTYPES)
    calls = recording.calls()
    assert {e["call"] for e in calls} == set(harness.SHM_CALLS)
    assert {"ENOMEM", "EEXIST", "ENOENT", "EINVAL", "EFAULT"} <= {e["errno"] for e in calls}
    refused = [e for e in calls if not e["kernel"]]
    assert all(e["errno"] for e in refused)


@pytest.mark.parametrize("script", (PERL_FORKS, IPC_SYSV), ids=("forks", "IPC-SysV"))
def test_perl(script):
    need("perl")
    recording, _ = second_observer.watch("perl", "-e", script)
    assert len(recording.report()["processes"]) >= 2


def test_git():
    need("git")
    script = """
        git init -q repository && cd repository && git config user.email a@b && git config user.name A
        for i in $(seq 30); do seq $((i * 50)) >file$i; done
        git add . && git commit -qm one && seq 9000 >file3 && git commit -qam two
        git log --stat | cat && git diff HEAD~1 | tail -n 1 && git gc -q && git status --short"""
    recording, _ = second_observer.watch("sh", "-ec", script)
    assert {os.path.basename(p["exe"]) for p in recording.report()["processes"]} >= {"git"}


def test_compile_and_link(tmp_path):
    (tmp_path / "a.c").write_text('#include <stdio.h>\nint main(void) { return puts("a") < 0; }\n')
    recording, count = second_observer.watch("gcc", "-O2", "-g", "-o", "a", "a.c")
    programs = {os.path.basename(p["exe"]) for p in recording.report()["processes"]}
    assert "cc1" in programs and any("ld" in p for p in programs), programs
    assert count > 10


def test_threads_with_sysv_ipc():
    if run(SYSTEM_PYTHON, "-c", "import sysv_ipc").returncode != 0:
        pytest.fail("python3-sysv-ipc: not installed: run scripts/check")
    recording, _ = second_observer.watch(SYSTEM_PYTHON, "-c", SYSV_IPC)
    threads = {e["tid"] for e in recording.calls() if e["call"] == "shmat"}
    assert len(threads) == 4
    assert sum(e["call"] == "shmat" for e in recording.calls()) == 4 * 25 * 2


@pytest.mark.parametrize("stressor", (("--brk", "2", "--brk-ops", "1500"), ("--shm-sysv", "2", "--shm-sysv-ops", "6")),
                         ids=("brk", "shm-sysv"))
def test_stress(stressor):
    need("stress-ng")
    _, count = second_observer.watch("stress-ng", "-q", *stressor)
    assert count > 50


def test_raw_calls_through_libc(compile_c):
    recording, count = second_observer.watch(compile_c("raw", RAW))
    calls = [(e["call"], e["ret"]) for e in recording.calls()]
    assert count == len(calls) == 8
    assert [c for c, _ in calls] == ["brk", "brk", "brk", "shmget", "shmat", "shmdt", "shmdt", "shmctl"]


def library(name):
    found = sorted(glob.glob(f"/usr/lib/*/{name}.so*") + glob.glob(f"/usr/lib*/{name}.so*"))
    assert found, f"{name}: not installed: run scripts/check"
    return found[0]


@pytest.mark.parametrize("order", ("shim first", "shim last"))
@pytest.mark.parametrize("name", ("libtcmalloc_minimal", "libjemalloc"))
def test_other_allocators(name, order, own_world):
    need("strace")
    preload = [harness.SHIM, library(name)]
    if order == "shim last":
        preload.reverse()
    trace = os.path.abspath("strace.out")
    done = run(*second_observer.TRACE, "-E", "LD_PRELOAD=" + ":".join(preload), "-o", trace,
               "-E", "MALLOC_CONF=dss:primary",  # jemalloc moves the break only with this option
               SYSTEM_PYTHON, "-c", "x = [bytes(i) for i in range(9000)]; import subprocess; subprocess.run('ls')")
    assert done.returncode == 0, done.stderr
    recording = Recording(own_world / "default.seg")
    harness.complete(recording.report())
    assert second_observer.compare(recording, trace) > 0


@pytest.fixture
def short_folder():
    """A folder with a short name, for socket addresses."""
    folder = tempfile.mkdtemp(prefix="ms", dir="/tmp")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@machine.needs("root")
def test_postgresql(short_folder, own_world):
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
    assert found, "postgresql: not installed: run scripts/check"
    tools, data = os.path.dirname(found[-1]), f"{short_folder}/data"
    shutil.chown(short_folder, "postgres")
    shutil.chown(own_world, "postgres")
    script = f"""
        export PATH={tools}:$PATH PGHOST={short_folder} PGDATABASE=postgres
        initdb -A trust --no-sync -D {data} >/dev/null
        cat >>{data}/postgresql.conf <<END
        shared_memory_type = sysv
        dynamic_shared_memory_type = sysv
        listen_addresses = ''
        unix_socket_directories = '{short_folder}'
        shared_buffers = 8MB
        fsync = off
        END
        pg_ctl -D {data} -l {short_folder}/log -w start >/dev/null
        pgbench -i -q -s 1 2>/dev/null >/dev/null && pgbench -n -c 2 -t 15 >/dev/null
        psql -qAtc 'set max_parallel_workers_per_gather=2; set min_parallel_table_scan_size=0;
            set parallel_setup_cost=0; select count(*) from pgbench_accounts'
        pg_ctl -D {data} -m fast -w stop >/dev/null"""
    script = "\n".join(line.strip() for line in script.splitlines())
    trace, output = f"{short_folder}/strace.out", f"{short_folder}/memshim.data"
    done = run("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *second_observer.TRACE, "-o", trace,
               harness.MEMSHIM, "record", "-w", "-o", output, "--", "sh", "-ec", script, cwd=short_folder,
               env={"HOME": short_folder})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "100000" in done.stdout
    recording = Recording(output)
    report = recording.report()
    harness.complete(report)
    assert second_observer.compare(recording, trace) > 200
    postgres = [p for p in report["processes"] if p["exe"].endswith("/postgres")]
    assert len(postgres) > 10
    shared = [s for s in report["segments"] if s["inherited"]]
    assert shared, "the backends hold the postmaster's segment"
    assert all(s["state"] == "destroyed" for s in report["segments"])


def test_x_server_with_shared_images(short_folder):
    need("Xvfb", "x11perf")
    script = f"""
        mkfifo {short_folder}/display
        Xvfb -displayfd 3 -nolisten tcp -screen 0 1024x768x24 3<>{short_folder}/display 2>/dev/null &
        read number <{short_folder}/display
        x11perf -display :$number -shmput500 -repeat 1 -reps 20 -sync 2>/dev/null >/dev/null
        kill $! && wait $! || true"""
    recording, _ = second_observer.watch("sh", "-c", script, options=("-w",))
    calls = recording.calls()
    attached = {(os.path.basename(p["exe"]), e["shmid"]) for e in calls for p in recording.report()["processes"]
                if e["call"] == "shmat" and (p["pid"], p["image"]) == (e["pid"], e["image"]) and not e["errno"]}
    assert {name for name, _ in attached} == {"Xvfb", "x11perf"}
    assert len({shmid for _, shmid in attached}) < len(attached), "both hold one segment"


def test_two_observers_would_tell(tmp_path):
    """The comparison fails when one call is missing or moved."""
    recording, _ = second_observer.watch("ls", "-l", "/usr/bin")
    lines = (tmp_path / "strace.out").read_text().splitlines(keepends=True)
    pid = str(recording.report()["session"]["command_pid"])
    moves = [i for i, line in enumerate(lines) if line.startswith(pid) and " brk(0x" in line]
    (tmp_path / "less.out").write_text("".join(lines[:moves[-1]] + lines[moves[-1] + 1:]))
    with pytest.raises(AssertionError):
        second_observer.compare(recording, "less.out")
