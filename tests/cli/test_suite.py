# SPDX-License-Identifier: MIT
"""The tests themselves: tests that the machine cannot run are not collected, with a reason; files that a run leaves are found."""

import errno
import os
import pathlib
import re
import subprocess
import sys

import pytest

import compiled
import harness
import leftovers
import machine

CHOSEN = ("tests/recorder/test_untraced.py::test_untraced_command", "tests/cli/test_docs.py::test_completion")


def run_tests(*options, lacking=()):
    environment = {name: "" for name in os.environ if name.startswith("PYTEST_")}
    environment.update({"MEMSHIM_TESTS_WITHOUT": ",".join(lacking), "BUILD": str(harness.BUILD), "PYTHONPATH": ""})
    return harness.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp=inner", *options, *CHOSEN,
                       cwd=harness.TOP, env=environment, timeout=300)


def passed(done):
    return int(re.search(r"(\d+) passed", done.stdout)[1])


@pytest.mark.parametrize("options", [(), ("-n", "2", "--dist", "loadgroup")], ids=["one process", "workers"])
def test_what_is_lacking_is_not_collected(options, tmp_path):
    """All other tests run, none is skipped, and the reasons come before the summary."""
    options = (*options, f"--basetemp={tmp_path}/inner")
    whole, less = run_tests(*options), run_tests(*options, lacking=("32-bit programs", "root"))
    assert (whole.returncode, less.returncode) == (0, 0), less.stdout
    told = re.findall(r"^not collected: (\d+) tests?: ([^:]+): so MEMSHIM_TESTS_WITHOUT has it$", less.stdout, re.M)
    assert "root" in {why for _, why in told} and "skipped" not in less.stdout
    before = sum(int(count) for count in re.findall(r"^not collected: (\d+)", whole.stdout, re.M))
    assert passed(whole) + before == passed(less) + sum(int(count) for count, _ in told)
    assert re.fullmatch(r"\d+ passed in .*", less.stdout.splitlines()[-1])


def test_kernel_without_32_bit_programs(monkeypatch):
    """The machine can compile them, but not execute them."""
    def run(program, *rest, **options):
        if str(program).endswith("word32"):
            raise OSError(errno.ENOEXEC, os.strerror(errno.ENOEXEC))
        return subprocess.CompletedProcess((program, *rest), 0, "", "")

    monkeypatch.setattr(harness, "run", run)
    assert machine.try_32_bit() == "a 32-bit program cannot be executed: Exec format error"


def test_no_test_needs_what_is_unknown():
    with pytest.raises(AssertionError):
        machine.needs("a better machine")


def test_what_is_left_behind_is_found(monkeypatch, tmp_path):
    monkeypatch.setenv(leftovers.TOKEN, "before")
    watch = leftovers.Watch()
    assert watch.look(tmp_path, True) == []
    file = leftovers.SHM / f"memshim-test-{watch.token}-x"
    file.touch()
    with subprocess.Popen(["sleep", "1000"], cwd="/") as process:
        assert watch.look(tmp_path, False) == [f"/dev/shm/{file.name}", f"process {process.pid} sleep 1000"]
        process.kill()
    with subprocess.Popen(["env", "-i", "sleep", "1000"], cwd=tmp_path) as process:
        harness.wait_until(lambda: "sleep" in pathlib.Path(f"/proc/{process.pid}/comm").read_text(encoding="ascii"), "it sleeps")
        assert f"process {process.pid} sleep 1000" in watch.look(tmp_path, False)
        process.kill()
    file.unlink()
    shmid = harness.libc.shmget(0, 4096, 0o1600)
    assert [line for line in watch.look(tmp_path, True) if line.startswith("IPC")] == [f"IPC table: shm {shmid}"]
    harness.libc.shmctl(shmid, 0, None)
    assert watch.look(tmp_path, True) == []


SOURCE = "int main(void) { return 3; }\n"


def test_a_program_is_compiled_once(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "cache_folder", lambda: tmp_path)
    for text, count in ((SOURCE, 1), (SOURCE.replace("3", "4"), 2), (SOURCE, 2)):
        compiled.compile_program(tmp_path / "program", text, ())
        assert harness.run(tmp_path / "program").returncode == int(text.split()[4].rstrip(";"))
        assert len(list(tmp_path.glob("*/program.c"))) == count
    compiled.compile_program(tmp_path / "program", SOURCE, ("-static",))
    assert len(list(tmp_path.glob("*/program.c"))) == 3


def test_slow_tests_and_those_of_root_can_be_left_out():
    """conftest.py sets the markers before pytest chooses by them."""
    def collected(marker):
        done = harness.run(sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "-m", marker, "tests/recorder",
                           cwd=harness.TOP, env={"BUILD": str(harness.BUILD)})
        return {line for line in done.stdout.splitlines() if "::" in line}

    slow, root, rest = collected("slow"), collected("root"), collected("not slow and not root")
    assert any("test_killed.py" in name for name in slow) and rest
    assert not rest & (slow | root) and bool(root) == (os.geteuid() == 0)
