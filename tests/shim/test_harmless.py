# SPDX-License-Identifier: MIT
"""
A program has the same output, result and environment alone, with a preload that does nothing, with the shim alone,
and under the recorder.
"""

import os
import re
import resource
import signal

import pytest

import harness
import machine
import second_observer

WAYS = ("nothing", "null", "hand", "record")
PRELOADS = {"null": harness.target("libnull.so"), "hand": harness.SHIM}


def run_in(way, *command, runner=harness.run, **options):
    """(status, stdout, stderr) of the command in one of these ways; the status as in a shell."""
    command = [str(word) for word in command]
    if way == "record":
        command = [harness.MEMSHIM, "record", "-q", "-o", "record.data", "--", *command]
    elif way != "nothing":
        options["env"] = {**options.get("env", {}), "LD_PRELOAD": PRELOADS[way]}
    done = runner(*command, **options)
    status = done.returncode if done.returncode >= 0 else 128 - done.returncode
    return status, done.stdout, done.stderr


def check_equal(*command, **options):
    """Checks that all ways give the same, and returns it."""
    wanted = run_in("nothing", *command, **options)
    for way in WAYS[1:]:
        assert run_in(way, *command, **options) == wanted, way
    hand = harness.Recording(os.path.join(os.environ["MEMSHIM_DIR"], "default.seg"))
    for recording in (hand, harness.Recording("record.data")):
        assert recording.report()["processes"], "the shim was there"
    return wanted


PROGRAMS = {
    "sh": "x=$(echo a; echo b >&2); echo $x; exit 3",
    "bash": "declare -A a; for i in {1..3000}; do a[$i]=$i$i; done; echo ${#a[@]}; ulimit -a; trap",
    "killed": "kill -9 $$",
    "aborted": "kill -ABRT $$",
    "pipeline": "seq 30000 | sort -r | awk '{s += $1} END {print s, NR}' | sed s/4/x/g | cat",
    "sort": "seq 200000 | sort -S 20M -k1.2 | md5sum",
    "failing": "ls /nonexistent; cat /nonexistent; ls -d /",
    "background": "(exit 5) & wait $!; echo $?; sleep 0 & wait; jobs",
    "python3": "/usr/bin/python3 -c \"x = [str(i) * 9 for i in range(99999)]; print(hash(1), len(x))\"",
    "ctypes": "/usr/bin/python3 -c \"import ctypes; c = ctypes.CDLL(None, use_errno=True);"
              " print(c.shmdt(1), ctypes.get_errno(), c.shmget(0, 0, 0), ctypes.get_errno())\"",
    "subprocess": "/usr/bin/python3 -c \"import subprocess as s, os; print(s.run(['ls', '-a', '/proc/self/fd'],"
                  " capture_output=True).stdout, os.listdir('/proc/self/task') == [str(os.getpid())])\"",
    "perl": "perl -e '%h = map { $_ => \"x\" x $_ } 1..2000; print scalar(keys %h), \"\\n\"; exit 4'",
    "gzip": "seq 50000 | gzip -9n | gzip -d | cksum",
    "descriptors": "ls /proc/self/fd; exec 7</dev/null 9>&2; ls /proc/self/fd",
    "environment": "env -u LD_PRELOAD -u MEMSHIM_SESSION -u MEMSHIM_DIR env | grep -v '^_='",
    "limits": "cat /proc/self/limits; grep -E '^(Sig|Shd|Cap|NoNew|Seccomp|Threads)' /proc/self/status"
              " | grep -v SigQ",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name):
    harness.need("bash", "perl", "gzip", "awk")
    shell = "bash" if name == "bash" else "sh"
    status, stdout, _ = check_equal(shell, "-c", PROGRAMS[name])
    assert stdout or status > 128


@pytest.mark.parametrize("name", ["edges", "edges_ipc"])
def test_edges(name):
    """Results and errno of every odd argument."""
    status, stdout, stderr = check_equal(harness.target(name))
    assert status == 42 and stderr == ""
    assert name != "edges" or "errno at main: 0\n" in stdout


def test_edges_of_semaphores_and_queues_and_strace():
    """For the same arguments, memshim and strace agree, about counted calls as well."""
    recording, count = second_observer.watch(harness.target("edges_ipc"), check=False)
    assert recording.result.returncode == 42 and count > 90


def test_edges_and_strace():
    """For the same arguments, memshim and strace agree; and the attachments at the end are the kernel's."""
    recording, count = second_observer.watch(harness.target("edges"), check=False)
    assert count > 100
    last, = recording.events("--call=exit")
    assert f"attached at the end: {last.get('attachments', 0)}\n" in recording.result.stdout


def kernels_calls(*command):
    """The calls of the program's one thread in strace, without queries of the break; and how many were counted."""
    done = harness.run("setarch", "-R", *second_observer.TRACE, "-o", "plain.trace", *command)
    assert done.returncode == 42
    with open("plain.trace", encoding="utf-8") as file:
        tid = int(file.readline().split()[0])
    calls = second_observer.strace_calls("plain.trace", tid)[tid]
    return [*map(without_ids, calls), second_observer.strace_counts("plain.trace", tid)[tid]]


def compile_absolute(compile_c, name):
    """A target whose first break does not depend on where it is loaded."""
    text = (harness.TOP / f"tests/targets/{name}.c").read_text()
    return compile_c(name, text, "-no-pie", "-D_GNU_SOURCE", f"-I{harness.TOP}")


@machine.needs("root")
def test_the_kernel_sees_the_same(compile_c):
    """With the shim, the program makes the same system calls, and no other. Ids may differ."""
    harness.need("setarch", "strace")
    for name in ("edges", "edges_ipc"):
        program = compile_absolute(compile_c, name)
        wanted = kernels_calls(program, "absolute")
        assert kernels_calls("-E", f"LD_PRELOAD={harness.SHIM}", program, "absolute") == wanted
        assert len(wanted) > 50


def without_ids(call):
    """Removes ids and addresses of attachments, which differ from run to run."""
    name, *words, result, error = call
    if name == "brk":
        return call
    if name in ("shmat", "shmdt"):  # its attachments may have other addresses
        words = [*words[:-2], words[-2] & 4095, words[-1]] if name == "shmat" else [words[0] & 4095]
    has_id = ("shmat", "shmctl", "semctl", "msgctl", "semop", "msgsnd", "msgrcv")
    return (name, *words[name in has_id:], result is None, error)


def test_exact_break(compile_c):
    """Without address randomization, every break and every result of sbrk is the same."""
    harness.need("setarch")
    program = compile_absolute(compile_c, "edges")
    status, stdout, _ = check_equal("setarch", "-R", program, "absolute")
    assert status == 42
    assert "first break 0x" in stdout


def test_state():
    status, _, stderr = check_equal(harness.target("state"))
    assert (status, stderr) == (7, "")


def odd_start():
    """An unusual start, which the recorder must pass on and the shim must not change."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGUSR1, signal.SIGCHLD, signal.SIGTERM,
                                              signal.SIGRTMIN + 3))
    os.umask(0o137)
    os.nice(3)
    os.dup2(1, 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (321, 654))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 4096))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def test_state_after_an_odd_start():
    status, stdout, _ = check_equal(harness.target("state"), preexec_fn=odd_start, close_fds=False,
                                    env={"EMPTY": "", "ODD": "a=b\n\x7f"})
    assert status == 7
    assert "signal 2: ignored" in stdout and "fd 100: pipe" in stdout
    assert "umask 137" in stdout and "limit 7: 321 654" in stdout


FIRST, LAST = "PR_GET_TID_ADDRESS", "rt_sigprocmask"  # of the shim's own calls at a start


@pytest.mark.parametrize("way", ["hand", "record"])
def test_standard_descriptors_are_not_taken(way):
    """A descriptor below 3 is moved up at once: another thread may rely on it being closed."""
    harness.need("strace")
    preload = ("-E", f"LD_PRELOAD={harness.SHIM}") if way == "hand" else ()
    watched = ("strace", "-qq", "-o", "trace", *preload, harness.target("calls"), "1")
    recorder = (harness.MEMSHIM, "record", "-q") if way == "record" else ()
    done = harness.run(*recorder, "sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *watched)
    with open("trace", encoding="utf-8", errors="replace") as file:
        lines = file.read().splitlines()
    calls = lines[next(i for i, line in enumerate(lines) if FIRST in line):max(i for i, line in enumerate(lines) if LAST in line)]
    used = [line for line in calls if re.match(r"(read|pread64|pwrite64|fstat|fallocate|ftruncate|connect|sendto)\([012],", line)]
    taken = sum(bool(re.match(r"(openat|socket)\(.* = [012]$", line)) for line in calls)
    moved = sum(bool(re.match(r"fcntl\([012], F_DUPFD_CLOEXEC, 3\)", line)) for line in calls)
    assert used == [] and taken == moved > 3, (used, done)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_state_without_standard_descriptors(closed):
    """Closed descriptors 0 to 2 stay closed: no file becomes the program's standard output."""
    seen = {}
    for way in WAYS:
        script = f'exec "$@" 9>output {closed}'
        wrapped = ("sh", "-c", script, "sh")
        if way == "record":
            run_in("nothing", *wrapped, harness.MEMSHIM, "record", "-q", "--",
                   harness.target("state"), "9")
        else:
            run_in(way, *wrapped, harness.target("state"), "9")
        with open("output", encoding="utf-8") as file:
            seen[way] = file.read()
        assert "errno 0" in seen[way]
        assert ("fd 0:" in seen[way]) == ("<&-" not in closed)
    for way in WAYS[1:]:
        assert seen[way] == seen["nothing"], way
