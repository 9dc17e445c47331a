# SPDX-License-Identifier: MIT
"""
Every test has a folder, a segment folder and, as root, an IPC namespace of its own. A run may have several workers
(turns.py), leaves out what the machine cannot do (machine.py), and leaves no files (leftovers.py).
"""

import collections
import os
import pathlib
import shutil
import signal
import tempfile

import pytest

import compiled
import harness
import leftovers
import machine
import turns

# Under nohup, or in the background of a script, these are ignored: the tests' programs must not inherit that.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


run_key = pytest.StashKey()


class Run:
    """What one process of the run knows about it: a worker, or the one that started the workers."""

    def __init__(self, config):
        self.is_worker = hasattr(config, "workerinput")
        self.not_collected = collections.Counter()
        self.left = []
        self.watch = None if self.is_worker else leftovers.Watch()
        self.folder = None
        # Under /tmp/pytest-of-USER each new run of pytest closes the folder to other users.
        if not config.option.basetemp:
            self.folder = config.option.basetemp = tempfile.mkdtemp(prefix="memshim-tests-")

    def hear(self, not_collected):
        """Each worker has collected the same tests."""
        self.not_collected = collections.Counter(not_collected)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    config.addinivalue_line("markers", "needs(feature...): collected only where the machine has these features (machine.py)")
    config.addinivalue_line("markers", "replays: reads its files by damage.replay, in a program that a sanitizer checks")
    config.addinivalue_line("markers", "alone: runs while no other test does (turns.py)")
    config.addinivalue_line("markers", "root: needs root; every test with needs('root') has it")
    config.addinivalue_line("markers", "slow: takes long (turns.py)")
    config.stash[run_key] = Run(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Before pytest chooses by -m: so the markers that are set here can be chosen."""
    items[:], config.stash[run_key].not_collected = machine.split(items)
    turns.sort(items)
    for item in items:
        if any("root" in mark.args for mark in item.iter_markers("needs")):
            item.add_marker("root")
        if turns.is_slow(item):
            item.add_marker("slow")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    run = session.config.stash[run_key]
    if run.is_worker:
        session.config.workeroutput["not_collected"] = dict(run.not_collected)
    elif not session.config.option.collectonly:
        run.left = run.watch.check(session.config._tmp_path_factory.getbasetemp())
        if run.left and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if run.folder and session.exitstatus == pytest.ExitCode.OK:
        shutil.rmtree(run.folder, ignore_errors=True)
        run.folder = None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash[run_key].hear(getattr(node, "workeroutput", {}).get("not_collected", {}))


def pytest_terminal_summary(terminalreporter, config):
    run = config.stash[run_key]
    for why, count in sorted(run.not_collected.items()):
        terminalreporter.write_line(f"not collected: {count} test{'s' * (count > 1)}: {why}")
    if run.folder:
        terminalreporter.write_line(f"the tests' files are kept in {run.folder}")
    for what in run.left:
        terminalreporter.write_line(f"left behind: {what}", red=True)


@pytest.fixture(autouse=True)
def own_turn(request, tmp_path_factory):
    """Begins before the test's folders are made, and ends after they are removed."""
    with turns.turn(tmp_path_factory.getbasetemp().parent, turns.is_alone(request.node)):
        yield


@pytest.fixture(autouse=True)
def own_world(own_turn, tmp_path, monkeypatch):
    """The test's folders, and an environment without the caller's settings."""
    live = tempfile.mkdtemp(prefix=f"memshim-test-{os.environ[leftovers.TOKEN]}-", dir="/dev/shm")
    for name in [n for n in os.environ if n.startswith(("MEMSHIM_", "LD_", "PYTHON"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MEMSHIM_DIR", live)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)
    if harness.IS_ROOT:
        harness.enter_ipc_namespace()
    yield pathlib.Path(live)
    shutil.rmtree(live, ignore_errors=True)


@pytest.fixture
def user(tmp_path, own_world):
    """Runs a command as an ordinary user, who owns the test's folders during it: user("id")."""
    if not harness.IS_ROOT:
        return harness.run
    for folder in (tmp_path, own_world):
        os.chown(folder, 65534, 65534)
    for folder in tmp_path.parents:
        if folder.owner() == "root" and folder != pathlib.Path("/") and folder.stat().st_mode & 1 == 0:
            folder.chmod(folder.stat().st_mode | 0o011)
    prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    return lambda *argv, **options: harness.run(*prefix, *argv, **options)


@pytest.fixture
def faketime_files():
    """Removes what libfaketime leaves in /dev/shm when its process executes another program, or is killed."""
    before = set(leftovers.read_files())
    yield
    for name in set(leftovers.read_files()) - before:
        if "faketime_" in name and int(name.rsplit("_", 1)[1]) not in harness.pids():
            (leftovers.SHM / name).unlink(missing_ok=True)


@pytest.fixture
def compile_c(tmp_path):
    """Builds a C text into a program of the test's folder: compile_c("name", text, "-static")."""

    def build(name, text, *flags):
        compiled.compile_program(tmp_path / name, text, flags)
        return str(tmp_path / name)

    return build
