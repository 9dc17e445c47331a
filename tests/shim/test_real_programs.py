# SPDX-License-Identifier: MIT
"""Real programs that share memory, each with a known story: the ledger agrees with the kernel, and there is no false finding."""

import os
import shutil
import tempfile

import pytest

import harness
from harness import Lines, Recording, need, record
from story import agree, kernel_rows

KEY = 0x6D656D40


def findings(report):
    return sorted((f["kind"], f["severity"]) for f in report["findings"])


def steps(command):
    """A program that waits after each step until it is told to continue, with the reports at each step."""
    reports = []
    with Lines(harness.MEMSHIM, "record", "-q", "--", *command) as lines:
        for line in iter(lines.process.stdout.readline, ""):
            if line.startswith("step"):
                reports.append(Recording("memshim.data").report())
                agree(reports[-1])
                lines.say()
        status, _ = lines.end()
    assert status == 0
    reports.append(Recording("memshim.data").report())
    agree(reports[-1])
    return reports


def php(script):
    need("php")
    return steps(("php", "-r", script.replace("STEP;", "print(\"step\\n\"); fgets(STDIN);")))


def test_php_shmop():
    """One handle writes a segment, another reads it, it is removed; one more is left."""
    reports = php(f"""
        $a = shmop_open({KEY}, 'n', 0600, 100); shmop_write($a, 'hello', 0); STEP;
        $b = shmop_open({KEY}, 'a', 0, 0); if (shmop_read($b, 0, 5) !== 'hello') exit(1); STEP;
        shmop_delete($a); unset($a, $b); gc_collect_cycles(); STEP;
        if (@shmop_open({KEY}, 'w', 0, 0) !== false) exit(2);
        $c = shmop_open({KEY + 1}, 'c', 0600, 5000); STEP;""")
    one, two, gone, more, end = reports
    assert [s["nattch"] for s in one["segments"] + two["segments"]] == [1, 2]
    assert [a["readonly"] for a in two["attachments"]] == [False, True]
    assert [(s["state"], s["attaches"], s["detaches"]) for s in gone["segments"]] == [("destroyed", 2, 2)]
    assert [(s["size"], s["state"], s["leaked"]) for s in more["segments"][1:]] == [(5000, "present", False)]
    leak, = [s for s in end["segments"] if s["leaked"]]
    assert leak["size"] == 5000 and os.path.basename(leak["creator"]["exe"]).startswith("php")
    assert findings(end) == [("failed-call", "note"), ("failed-call", "warning"), ("leaked-segment", "error"),
                             ("repeated-attach", "note")]
    assert "shmdt failed 1 time with EINVAL: the call passed NULL" in str(end["findings"]), "PHP itself, after a failed open"
    assert f"had the key {KEY:#x}, and was removed" in str(end["findings"])


def test_php_sysvshm():
    """A variable in shared memory: a second handle finds it, it is removed at the end."""
    reports = php(f"""
        $a = shm_attach({KEY}, 8192, 0600); shm_put_var($a, 1, [1, 2, 3]); STEP;
        $b = shm_attach({KEY}); if (shm_get_var($b, 1) !== [1, 2, 3]) exit(1); STEP;
        shm_remove($a); shm_detach($a); shm_detach($b); STEP;""")
    assert [s["nattch"] for report in reports[:2] for s in report["segments"]] == [1, 2]
    segment, = reports[-1]["segments"]
    assert (segment["state"], segment["size"], segment["attaches"]) == ("destroyed", 8192, 2)
    assert {severity for _, severity in findings(reports[-1])} <= {"note"}


def test_perl_step_by_step():
    """IPC::SysV and IPC::SharedMem, with a child that has the parent's attachment by fork."""
    need("perl")
    script = f"""
        use IPC::SysV qw(:all); use IPC::SharedMem; $| = 1; sub step {{ print "step\\n"; <STDIN> }}
        my $id = shmget({KEY}, 4096, IPC_CREAT | IPC_EXCL | 0600) // die; my $at = shmat($id, undef, 0); step;
        pipe(my $r, my $w); my ($r2, $w2); pipe($r2, $w2);
        if (!(my $child = fork)) {{ syswrite $w, "x"; sysread $r2, my $go, 1; shmdt($at); exit }}
        sysread $r, my $there, 1; step;
        syswrite $w2, "x"; wait; step;
        my $shm = IPC::SharedMem->new(IPC_PRIVATE, 8192, S_IRWXU) or die; $shm->attach(SHM_RDONLY); step;
        shmctl($id, IPC_RMID, 0); step; shmdt($at); $shm->remove; $shm->detach"""
    one, forked, alone, more, marked, end = steps(("perl", "-e", script))
    assert [r["segments"][0]["nattch"] for r in (one, forked, alone)] == [1, 2, 1]
    assert [(s["state"], s["nattch"]) for s in more["segments"]] == [("present", 1), ("present", 1)]
    assert [s["state"] for s in marked["segments"]] == ["marked", "present"]
    assert [s["state"] for s in end["segments"]] == ["destroyed", "destroyed"] and not findings(end)


def test_python_step_by_step():
    script = f"""
import sysv_ipc as s
def step(): print("step", flush=True); input()
a = s.SharedMemory({KEY}, s.IPC_CREX, mode=0o600, size=8192); step()
b = s.SharedMemory({KEY}, flags=0); b.write(b"x"); step()
a.remove(); a.detach(); step()
b.detach(); step()
"""
    one, two, marked, gone, end = steps(("/usr/bin/python3", "-c", script))
    assert [r["segments"][0]["nattch"] for r in (one, two, marked)] == [1, 2, 1]
    assert [r["segments"][0]["state"] for r in (marked, gone, end)] == ["marked", "destroyed", "destroyed"]
    assert findings(end) == [("repeated-attach", "note")], "by two handles"


@pytest.fixture
def display():
    """Starts an X server in a shell script, and gives its folder."""
    need("Xvfb")
    folder = tempfile.mkdtemp(prefix="ms", dir="/tmp")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def with_display(folder, client):
    return f"""
        mkfifo {folder}/display
        Xvfb -displayfd 3 -nolisten tcp -screen 0 1024x768x24 3<>{folder}/display 2>/dev/null & server=$!
        read number <{folder}/display
        DISPLAY=:$number {client}
        kill $server; wait $server || true"""


def test_x_server_and_its_client(display):
    """One segment with two holders; the client lets every user write to it, and that is the only finding."""
    need("x11perf")
    script = with_display(display, "x11perf -shmput500 -repeat 1 -reps 20 -sync >/dev/null 2>&1")
    report = record("sh", "-c", script, options=("-q", "-w")).report()
    harness.complete(report)
    segment, = report["segments"]
    assert (segment["state"], segment["nattch_peak"], segment["attaches"]) == ("destroyed", 2, 2)
    assert {k for k, s in findings(report) if s != "note"} <= {"world-writable-segment"}
    writable = [f["text"] for f in report["findings"] if f["kind"] == "world-writable-segment"]
    assert bool(writable) == bool(int(segment["mode"], 8) & 2) and all("while it existed" in t for t in writable)


def test_gtk_program(display):
    """A desktop program with many libraries and threads: only notes, and each is true."""
    need("gtk3-demo")
    script = with_display(display, "gtk3-demo --autoquit >/dev/null 2>&1")
    recording = record("sh", "-c", script, options=("-q", "-w"), env={"HOME": display, "XDG_RUNTIME_DIR": display})
    report = recording.report()
    harness.complete(report)
    demo = next(p for p in report["processes"] if os.path.basename(p["exe"]) == "gtk3-demo")
    assert demo["exit_status"] == 0
    assert {s["state"] for s in report["segments"]} <= {"destroyed"} and kernel_rows() == {}
    assert {severity for _, severity in findings(report)} <= {"note"}
    for finding in report["findings"]:
        if finding["kind"] == "attach-without-detach":
            left = [a for a in report["attachments"] if (a["pid"], a["ended_by"]) == (finding["pid"], "exit")]
            assert f"with {len(left)} attachment" in finding["text"]
