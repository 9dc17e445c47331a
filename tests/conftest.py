# SPDX-License-Identifier: MIT
"""Every test works in a folder, a segment folder and, as root, an IPC namespace of its own."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pytest

import harness

# Under nohup, or in the background of a script, these are ignored: what the tests start must not inherit that.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def own_world(tmp_path, monkeypatch):
    """The test's folders; nothing of the caller's environment that would change what it sees."""
    live = tempfile.mkdtemp(prefix="memshim-test-", dir="/dev/shm")
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
    """Runs a command as an ordinary user, who owns the test's folders meanwhile: user("id")."""
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
def compile_c(tmp_path):
    """Builds a C text into a program of the test's folder: compile_c("name", text, "-static")."""

    def build(name, text, *flags):
        source = tmp_path / f"{name}.c"
        source.write_text(text)
        subprocess.run(["cc", "-O1", "-o", tmp_path / name, source, *flags], check=True)
        return str(tmp_path / name)

    return build
