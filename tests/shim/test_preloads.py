# SPDX-License-Identifier: MIT
"""
Libraries beside the shim: loaded early, late or into another link namespace, and other preloads in either order.
"Unharmed": output and exit status are those of a run without the shim.
"""

import glob
import os
import shutil

import pytest

import harness
import machine
import second_observer
from beside import CYCLE_CALLS, check_sums, made, moved_by, unharmed
from harness import target

pytestmark = pytest.mark.usefixtures("faketime_files")

SHIM_ELF = os.path.basename(harness.SHIM)


def test_constructors_and_destructors():
    """The shim sees the calls of libraries before and after main."""
    early = f"{target('libcaller.so')}:{harness.SHIM}"
    recording = unharmed("env", f"LD_PRELOAD={early}", target("loads"), "dlopen", target("libcaller.so"))
    report = recording.report()
    harness.complete(report)
    assert [delta for _, delta in moved_by(recording)] == [16, 64, 48, 32]
    check_sums(report)


@pytest.mark.parametrize("how", ["dlopen", "deepbind", "dlclose"])
def test_loading(how):
    recording = unharmed(target("loads"), how, target("libcaller.so"), harness.SHIM)
    assert recording.result.stdout == "right\n"
    harness.complete(recording.report())
    assert [delta for _, delta in moved_by(recording)] == [16, 64, 32, 48]


def test_another_link_namespace():
    """dlmopen loads another libc, which must work as before."""
    recording = unharmed(target("loads"), "dlmopen", target("libcaller.so"), harness.SHIM)
    assert 48 in [delta for _, delta in moved_by(recording)]


@pytest.mark.parametrize("how", ["late", "late, closed"])
def test_loaded_late(how):
    """The program loads the shim itself: earlier growth is in `before_load_bytes`. dlclose does not unload the shim."""
    command = (target("loads"), how, target("libcaller.so"), harness.SHIM)
    plain = harness.run(*command, env={"MEMSHIM_OFF": "1"})
    done = harness.run(*command)
    assert (done.returncode, done.stdout, done.stderr) == (plain.returncode, plain.stdout, "")
    recording = harness.Recording(os.path.join(os.environ["MEMSHIM_DIR"], "default.seg"))
    assert [delta for _, delta in moved_by(recording)] == [16, 64, 32, 48]
    report = recording.report()
    check_sums(report)
    assert report["processes"][0]["break"]["before_load_bytes"] > 0


@pytest.mark.parametrize("listed", ["{shim}:{shim}", "{shim} {shim}", "{shim}:{link}", "{link}:{shim}", "{shim}:{copy}", "{copy}:{shim}"])
def test_shim_listed_twice(listed, tmp_path):
    """The shim, or a copy that the loader takes for another library, is listed twice."""
    link, copy = tmp_path / "libalias.so", tmp_path / SHIM_ELF
    link.symlink_to(harness.SHIM)
    shutil.copy(harness.SHIM, copy)
    preload = listed.format(shim=harness.SHIM, link=link, copy=copy)
    recording = unharmed("env", f"LD_PRELOAD={preload}", target("calls"), 5)
    report = recording.report()
    harness.complete(report)
    assert made(report, comm="calls") == 5 * CYCLE_CALLS
    assert len([e for e in recording.calls() if e["comm"] == "calls"]) == 5 * CYCLE_CALLS
    assert [(p["comm"], p["image"], p["state"]) for p in report["processes"]] == [("env", 0, "exec"), ("calls", 1, "exited")]


LIBRARIES = {
    "tcmalloc": ("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
    "jemalloc": ("libjemalloc.so.2", "libjemalloc2"),
    "libc_malloc_debug": ("libc_malloc_debug.so.0", "libc6"),
    "fakeroot": ("libfakeroot/libfakeroot-sysv.so", "fakeroot"),
    "faketime": ("faketime/libfaketime.so.1", "libfaketime"),
    "eatmydata": ("libeatmydata.so", "libeatmydata1"),
    "null": (target("libnull.so"), "make tests"),
}


def find_library(name):
    path, package = LIBRARIES[name]
    found = [f for folder in ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib")
             for f in glob.glob(os.path.join(folder, path))]
    assert found, f"{path}: not installed: {package}"
    return found[0]


@pytest.mark.parametrize("order", ["first", "last"])
@pytest.mark.parametrize("name", LIBRARIES)
def test_other_preload(name, order):
    """Both preloads work; every call is logged once, as in strace."""
    other = find_library(name)
    preload = f"{harness.SHIM}:{other}" if order == "first" else f"{other}:{harness.SHIM}"
    script = f"{target('calls')} 5; x=$(seq 3000 | sort -r | tail -n 1); echo $x"
    alone = harness.run("env", f"LD_PRELOAD={other}", "bash", "-c", script)
    recording, count = second_observer.watch("env", f"LD_PRELOAD={preload}", "bash", "-c", script)
    assert count > 5 * CYCLE_CALLS
    assert made(recording.report(), comm="calls") >= 5 * CYCLE_CALLS
    assert recording.result.stdout == alone.stdout == "wrong: 0\n1\n"
    assert alone.stderr == ""


def test_fakeroot():
    """With its daemon, which uses System V queues and semaphores itself."""
    harness.need("fakeroot")
    script = "touch a; chown 12:34 a; stat -c %u:%g a"
    recording = unharmed("fakeroot", "sh", "-c", script)
    assert recording.result.stdout == "12:34\n"
    assert {"touch", "stat"} <= {p["comm"] for p in recording.report()["processes"]}


@machine.needs("x86-64")
@pytest.mark.parametrize("order", ["first", "last"])
def test_patched_by_another(order):
    """Another library patches the same functions after the shim: the caller is logged once, and every result is right."""
    other = target("libpatching.so")
    preload = f"{harness.SHIM}:{other}" if order == "first" else f"{other}:{harness.SHIM}"
    script = f"{target('calls')} 20; x=$(seq 3000 | sort -r | tail -n 1); echo $x"
    recording = unharmed("env", f"LD_PRELOAD={preload}", "bash", "-c", script)
    assert recording.result.stdout == "wrong: 0\n1\n"
    report = recording.report()
    direct = [e for e in recording.calls() if e["comm"] == "calls" and e.get("origin") != "malloc"]
    assert len(direct) == 20 * CYCLE_CALLS
    assert not any(harness.lost(report["coverage"]).values())


def test_preload_that_the_program_sets():
    """The program sets LD_PRELOAD to something else: its child runs without the shim, and is named."""
    script = f"LD_PRELOAD=libm.so.6 {target('calls')} 1 wait; exit 5"
    recording = harness.Recording("memshim.data")
    with harness.Lines(harness.MEMSHIM, "record", "-q", "--", "sh", "-c", script) as lines:
        assert lines.wait_for("wrong: ") == "wrong: 0"
        harness.wait_until(lambda: recording.report()["coverage"]["not_followed"], "it is missed", lines.process)
        assert lines.end() == (5, "")
    missed, = recording.report()["coverage"]["not_followed"]
    assert missed["exe"] == target("calls") and "LD_PRELOAD" in missed["why"]
