# SPDX-License-Identifier: MIT
"""
Files of other users: no command trusts a file unless the effective user or root owns it. --foreign reads it; commands
that remove or write never use it.
"""

import os
import pathlib
import shutil
import tempfile

import pytest

import harness
from beside import needs_root
from harness import MEMSHIM, target
from refusals import ABSENT, USAGE, refused
from story import kernel_rows
from terminal import Terminal

pytestmark = needs_root  # there are two users

OTHER = 65533
READERS = {"root": 0, "user": 65534}
READING = {"report": (), "events": (), "export": ("--format=folded",), "graph": (), "ipcs": (), "map": (), "top": ("--once",)}
COMMANDS = {**READING, "reap": ()}


def prefix(uid):
    return ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups") if uid else ()


@pytest.fixture(params=READERS)
def reader(request, tmp_path):
    """Runs a command as another user than the files' owner, in the test's folder."""
    uid = READERS[request.param]
    for above in (tmp_path, *tmp_path.parents):
        if above.owner() == "root" and above != pathlib.Path("/") and above.stat().st_mode & 1 == 0:
            above.chmod(above.stat().st_mode | 0o011)
    tmp_path.chmod(0o777)
    run = lambda *argv, **options: harness.run(*prefix(uid), *argv, **options)  # noqa: E731
    run.uid = uid
    return run


def give(path, uid=OTHER, mode=0o644):
    os.chown(path, uid, uid)
    os.chmod(path, mode)


def says_whose(path, uid=OTHER):
    return f"memshim: {path}: belongs to another user (uid {uid}); --foreign reads it\n"


def recorded(name="memshim.data"):
    """A recording of another user that every user may read."""
    harness.record("sh", "-c", "ls / >/dev/null; :", options=("-q",), output=name)
    give(name)


@pytest.mark.parametrize("command", READING)
def test_recording(command, reader):
    recorded("named.data")
    done = reader(MEMSHIM, command, *READING[command], "named.data")
    assert (done.returncode, done.stdout, done.stderr) == (ABSENT, "", says_whose("named.data"))
    done = reader(MEMSHIM, command, "--foreign", *READING[command], "named.data")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout or command == "graph"


@pytest.mark.parametrize("owner", [0, 65534])
def test_own_and_roots_recordings_are_trusted(owner, reader):
    """Every user trusts root's recording and its own."""
    recorded()
    if owner not in (0, reader.uid):
        owner = reader.uid
    give("memshim.data", owner)
    for command, options in COMMANDS.items():
        done = reader(MEMSHIM, command, *options)
        assert (done.returncode, done.stderr) == (0, ""), (command, done)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "ipcs"])
def test_found_in_the_current_folder(command, reader):
    recorded()
    done = reader(MEMSHIM, command, *COMMANDS[command])
    line = says_whose("memshim.data")
    if command == "reap":
        line = line.replace("; --foreign reads it", "")
    assert (done.returncode, done.stdout, done.stderr) == (ABSENT, "", line)


@pytest.mark.parametrize("command", ["ls", "ipcs"])
def test_found_beside_other_things(command, reader):
    """The other sessions are shown, and a message says that one was left out."""
    recorded()
    harness.libc.shmget(0x7357, 4096, 0o1600)
    done = reader(MEMSHIM, command)
    assert (done.returncode, done.stderr) == (ABSENT, says_whose("memshim.data"))
    assert ("0x00007357" in done.stdout) == (command == "ipcs") and "ended" not in done.stdout
    done = reader(MEMSHIM, command, "--foreign")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def planted(monkeypatch):
    """A folder of live segments that another user made, with a session in it."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="memshim-test-planted-", dir="/dev/shm"))
    monkeypatch.setenv("MEMSHIM_DIR", str(path))
    harness.run(target("calls"), 1, env={"LD_PRELOAD": harness.SHIM})
    give(path, mode=0o755)
    give(path / "default.seg")
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c != "ipcs"])
def test_folder(command, planted, reader):
    """Neither its newest session nor a session by name is used."""
    hint = "" if command == "reap" else "; --foreign reads it"
    line = f"memshim: {planted}: belongs to another user (uid {OTHER}){hint}\n"
    for words in ((), ("default",)):
        done = reader(MEMSHIM, command, *COMMANDS[command], *words)
        assert (done.returncode, done.stdout, done.stderr) == (ABSENT, "", line), done
    done = reader(MEMSHIM, command, *COMMANDS[command], planted / "default.seg")
    assert (done.returncode, done.stdout) == (ABSENT, "") and "belongs to another user" in done.stderr
    if command != "reap":
        done = reader(MEMSHIM, command, "--foreign", *COMMANDS[command])
        assert (done.returncode, done.stderr) == (0, "")


def test_folder_in_the_list(planted, reader):
    done = reader(MEMSHIM, "ls", "--json")
    assert (done.returncode, done.stdout.strip()) == (ABSENT, '{"schema":1,"sessions":[]}'), done
    assert done.stderr == says_whose(planted)
    done = reader(MEMSHIM, "ls", "--foreign")
    assert (done.returncode, done.stderr) == (0, "") and "default" in done.stdout


def test_segment_in_a_folder_of_ones_own(planted, reader):
    give(planted, reader.uid, 0o700)
    done = reader(MEMSHIM, "report")
    assert (done.returncode, done.stdout, done.stderr) == (ABSENT, "", says_whose(planted / "default.seg"))


def test_session_of_a_process(own_world, reader):
    """-p leads to the segment that another user's process maps: it is refused."""
    give(own_world, mode=0o755)
    environment = {"LD_PRELOAD": harness.SHIM}
    with harness.Lines(*prefix(OTHER), target("calls"), 1, "wait", env=environment) as lines:
        lines.wait_for("wrong: 0")
        pid = lines.process.pid
        segment = own_world / "default.seg"
        segment.chmod(0o644)
        done = reader(MEMSHIM, "report", "-p", pid)
        assert (done.returncode, done.stdout) == (ABSENT, "")
        if reader.uid == 0:  # other users may not read the process
            assert done.stderr == says_whose(segment)
            assert reader(MEMSHIM, "report", "--foreign", "-p", pid).returncode == 0
            segment.unlink()
            done = reader(MEMSHIM, "report", "-p", pid)
            assert done.returncode == ABSENT and f"(uid {OTHER}); --foreign reads it\n" in done.stderr
        assert lines.end() == (0, "")


def test_other_half(own_world, reader):
    """An unfinished recording of this user names a segment of another user: that segment is not read."""
    with harness.Lines(MEMSHIM, "record", "-q", target("calls"), "3", "wait") as lines:
        lines.wait_for("wrong: 0")
        harness.wait_until(lambda: harness.Recording("memshim.data").report()["processes"], "it is drained", lines.process)
        segment, = own_world.glob("*.seg")
        os.chmod(own_world, 0o755)
        give(segment)
        give("memshim.data", reader.uid)
        done = reader(MEMSHIM, "report", "memshim.data")
        assert done.returncode == 0 and "its segment's file is gone" in done.stderr
        done = reader(MEMSHIM, "report", "--foreign", "memshim.data")
        assert done.returncode == 0 and "gone" not in done.stderr
        os.chown(segment, 0, 0)
        lines.end()


def leak():
    """A recording of a leak by a process that has ended; the segment is root's."""
    harness.record("perl", "-e", "shmget(0x7358, 4096, 03600) // die", options=("-q",))
    shmid, = kernel_rows()
    return shmid


def test_reap_has_no_foreign(reader):
    shmid = leak()
    give("memshim.data")
    refused(reader(MEMSHIM, "reap", "--foreign", "memshim.data"), USAGE, "--foreign", "unknown option")
    for options in ((), ("--force",)):
        done = reader(MEMSHIM, "reap", *options, "memshim.data")
        assert (done.returncode, done.stdout) == (ABSENT, "")
        assert done.stderr == f"memshim: memshim.data: belongs to another user (uid {OTHER})\n"
    assert shmid in kernel_rows()


def test_screen_removes_nothing_foreign():
    shmid = leak()
    give("memshim.data")
    with Terminal(MEMSHIM, "top", "--foreign", "memshim.data") as screen:
        screen.wait_for("Processes")
        screen.type("2")
        screen.wait_for("0x00007358")
        screen.type("x")
        screen.wait_for("nothing is removed with --foreign")
        screen.type("y")
    assert shmid in kernel_rows()


def test_unmapped_users_are_not_trusted():
    """In a user namespace without a map, all users have one number: equal numbers do not mean equal users."""
    recorded()
    os.chmod(".", 0o755)
    for above in pathlib.Path.cwd().parents:
        if above.owner() == "root" and above != pathlib.Path("/") and above.stat().st_mode & 1 == 0:
            above.chmod(above.stat().st_mode | 0o011)
    nobody = (*prefix(65532), "unshare", "--user", MEMSHIM, "report")
    done = harness.run(*nobody, "memshim.data")
    assert (done.returncode, done.stdout, done.stderr) == (ABSENT, "", says_whose("memshim.data", 65534))
    give("memshim.data", 65532)
    assert harness.run(*nobody, "memshim.data").returncode == 0


def suppressing(uid):
    """A file that suppresses everything, of this user, and this reader's recording of a failed call."""
    pathlib.Path("known").write_text("*:*\n", encoding="ascii")
    give("known", uid)
    return "--suppress=known"


def test_suppressions(reader):
    """Another user would choose which findings are hidden."""
    harness.record(target("calls"), 2, options=("-q",))
    give("memshim.data", reader.uid)
    whose = f"memshim: known: belongs to another user (uid {OTHER}); "
    for options in ((suppressing(OTHER),), (suppressing(OTHER), "--json")):
        done = reader(MEMSHIM, "report", *options)
        assert (done.returncode, done.stdout, done.stderr) == (ABSENT, "", whose + "--foreign reads it\n")
    for options in ((suppressing(OTHER), "--foreign"), ("--foreign", suppressing(OTHER))):
        done = reader(MEMSHIM, "report", *options)
        assert (done.returncode, done.stderr) == (0, "") and " suppressed\n" in done.stdout
    done = reader(MEMSHIM, "record", suppressing(OTHER), "sh", "-c", "echo ran")
    assert (done.returncode, done.stdout, done.stderr) == (125, "", whose + "--suppress=/dev/stdin reads what you give\n")


def test_suppressions_that_are_trusted(reader):
    """This user's own file, root's file, and what the user's shell has opened."""
    harness.record(target("calls"), 2, options=("-q",))
    give("memshim.data", reader.uid)
    for uid in {0, reader.uid}:
        done = reader(MEMSHIM, "report", suppressing(uid))
        assert (done.returncode, done.stderr) == (0, "") and " suppressed\n" in done.stdout
    suppressing(OTHER)
    with open("known", "rb") as known:
        done = reader(MEMSHIM, "report", "--suppress=/dev/stdin", stdin=known)
    assert (done.returncode, done.stderr) == (0, "") and " suppressed\n" in done.stdout


@pytest.mark.parametrize("kind", ["fifo", "device", "folder"])
def test_no_regular_file(kind, reader):
    """It is not opened: reading a fifo would wait, and reading a device may do anything."""
    if kind == "fifo":
        os.mkfifo("odd", 0o666)
    elif kind == "device":
        os.mknod("odd", 0o666 | 0o020000, os.makedev(1, 5))
    else:
        os.mkdir("odd")
    refused(reader(MEMSHIM, "report", "odd", timeout=10), ABSENT, "odd")
