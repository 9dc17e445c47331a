# SPDX-License-Identifier: MIT
"""The catalog beside the live segments: which process created the objects that ended sessions left. Read in any folder."""

import glob
import json
import os
import subprocess

import pytest

import harness
import machine
from harness import MEMSHIM, Recording, memshim, record, run, target
from reaping import reaped
from story import KEY, kernel_rows

needs_root = machine.needs("root")


def leaker(name, key="IPC_PRIVATE"):
    with open(name, "w", encoding="ascii") as script:
        script.write(f"use IPC::SysV qw(IPC_PRIVATE); shmget({key}, 4096, 01600) // die; print ''\n")
    return ("perl", name)


def creators(*files):
    table = json.loads(memshim("ipcs", "--json", *files).stdout)
    return {s["shmid"]: s["creator"] for s in table["segments"]}


def catalogs():
    return sorted(glob.glob(os.environ["MEMSHIM_DIR"] + "/*.left"))


@pytest.fixture
def elsewhere(tmp_path):
    """Changes to a folder without recordings."""
    def go():
        (tmp_path / "other folder").mkdir(exist_ok=True)
        os.chdir(tmp_path / "other folder")
    return go


def test_scripts_are_told_apart_in_any_folder(elsewhere):
    record(*leaker("billing.pl"), options=("-q",), output="a.data")
    record(*leaker("report.pl"), options=("-q",), output="b.data")
    record(*leaker("report.pl"), options=("-q",), output="b.data")
    files = [os.path.abspath(name) for name in ("a.data", "b.data.old", "b.data")]
    elsewhere()
    found = creators()
    assert [found[i]["cmdline"] for i in sorted(found)] == ["perl billing.pl", "perl report.pl", "perl report.pl"]
    assert {found[i]["program"] for i in found} == {"perl"} and not any(found[i]["runs"] for i in found)
    assert [found[i]["recording"] for i in sorted(found)] == files
    text = memshim("ipcs").stdout
    assert "[perl billing.pl " in text and text.count("[perl report.pl ") == 2
    for path, shmid in zip(files, sorted(found)):
        assert f"see 'memshim report {path}' for {shmid}\n" in text
    assert memshim("ipcs", "-O", "id,cmdline", "--no-headings").stdout.split("\n")[0].split(None, 1) == ["0", "perl billing.pl"]
    assert "COMMAND LINE" in memshim("ipcs", env={"COLUMNS": "120"}).stdout


def test_where_it_was_made(elsewhere, compile_c):
    source = "#include <sys/shm.h>\nint main(void) { return shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600) < 0; }\n"
    record(compile_c("leaky", source, "-g"), options=("-q",))
    elsewhere()
    creator, = creators().values()
    if harness.HAS_STACKS:
        assert creator["site"].startswith("main (") and creator["site"].endswith("leaky.c:2)")
    assert creator["program"] == "leaky"


def test_creator_survives_the_recording(elsewhere):
    record(*leaker("billing.pl"), options=("-q",))
    os.remove("memshim.data")
    elsewhere()
    creator, = creators().values()
    assert (creator["cmdline"], creator.get("recording")) == ("perl billing.pl", None)
    assert "see 'memshim report" not in memshim("ipcs").stdout


def test_several_files():
    record(*leaker("billing.pl"), options=("-q",), output="a.data", env={"MEMSHIM_DIR": os.environ["MEMSHIM_DIR"] + "/a"})
    record(*leaker("report.pl"), options=("-q",), output="b.data", env={"MEMSHIM_DIR": os.environ["MEMSHIM_DIR"] + "/b"})
    assert [c["cmdline"] for c in creators().values()] == [None, None]
    assert [c["cmdline"] for c in creators("a.data").values()] == ["perl billing.pl", None]
    assert [c["cmdline"] for c in creators("a.data", "b.data").values()] == ["perl billing.pl", "perl report.pl"]


def test_reap_finds_the_recording_by_the_object(elsewhere):
    record(*leaker("billing.pl"), options=("-q",), output="a.data")
    record(*leaker("report.pl"), options=("-q",), output="b.data")
    first = os.path.abspath("a.data")
    done = memshim("reap", "b.data")
    assert "perl report.pl" in done.stdout and "billing" not in done.stdout
    elsewhere()
    done = memshim("reap", "-m", "1")
    assert done.returncode == 0 and reaped(done.stdout, "LEAKED") == ["segment 1"] and "perl report.pl" in done.stdout
    assert not reaped(done.stdout, "OF OTHER SESSIONS"), "it was not asked for"
    assert reaped(memshim("reap", "--force", "-m", "0").stdout) == ["segment 0"]
    assert set(kernel_rows()) == {1}
    report = Recording(first).report()
    segment, = report["segments"]
    assert (segment["leaked"], segment["now"]["state"]) == (True, "removed")
    assert segment["now"]["removed_by"]["program"] == "memshim reap" and segment["now"]["removed_by"]["uid"] == os.geteuid()
    leak = next(f for f in report["findings"] if f["kind"] == "leaked-segment")
    assert "since been removed, by 'memshim reap'" in leak["advice"]


MANY = ("/usr/bin/perl", "-e", "shmget(0, 4096, 01600) // die for 1 .. 1000")


def removals():
    return [s["now"]["removed_by"] for s in Recording("memshim.data").report()["segments"]]


@pytest.mark.parametrize("catalog", ["whole", "in part", "none"])
def test_many_removals_are_noted_together(catalog):
    """The catalog is not written again for each of them; notes that it lacks are added."""
    record(*MANY, options=("-q",))
    path, = catalogs()
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    if catalog == "in part":
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(lines[:502])
    elif catalog == "none":
        os.remove(path)
    done = run("strace", "-o", "trace", "-e", "trace=rename,renameat,renameat2,linkat", harness.MEMSHIM, "reap", "--force")
    assert "1000 removed, 0 kept" in done.stdout
    with open("trace", encoding="ascii") as trace:
        assert 1 <= sum(".left" in line for line in trace) < 200, "every 0.2 s, also on a slow machine"
    assert [by["program"] for by in removals()] == ["memshim reap"] * 1000


def test_ipcs_names_other_recordings():
    record(*leaker("billing.pl"), options=("-q",), output="a.data")
    record(*leaker("report.pl"), options=("-q",))
    path = os.path.abspath("a.data")
    done = memshim("reap", "--force")
    assert reaped(done.stdout) == ["segment 1"]
    assert reaped(done.stdout, "OF OTHER SESSIONS") == ["segment 0"]
    assert "perl billing.pl" in done.stdout and f"see 'memshim reap {path}'" in done.stdout
    assert set(kernel_rows()) == {0}


def test_catalog_entry_ends_with_its_object():
    record(*leaker("billing.pl"), options=("-q",))
    assert len(catalogs()) == 1
    assert run("ipcrm", "-m", "0").returncode == 0
    memshim("ipcs")
    assert catalogs() == []


def test_no_catalog_without_objects():
    record("true", options=("-q",))
    record(target("calls"), options=("-q",))
    assert kernel_rows() == {} and catalogs() == []


def test_catalog_keeps_a_reap_note_for_a_week():
    """The catalog keeps a note of a removed object for a week."""
    record(*leaker("billing.pl"), options=("-q",))
    memshim("reap", "--force")
    memshim("ipcs")
    path, = catalogs()
    assert "removed_by" in Recording("memshim.data").report()["segments"][0]["now"]
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    fields = lines[2].split("\t")
    fields[9] = str(int(fields[9]) - 8 * 24 * 3600)
    lines[2] = "\t".join(fields)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    memshim("ipcs")
    assert catalogs() == [] and "removed_by" not in Recording("memshim.data").report()["segments"][0]["now"]


def test_by_hand_a_reader_writes_it(elsewhere):
    """Without a recorder, a reader writes the catalog. After reap, the report still shows the state at the end of the session."""
    run("perl", "-e", f"shmget({KEY:#x}, 4096, 03600) // die; print ''", env={"LD_PRELOAD": harness.SHIM})
    before, = Recording("default").report()["segments"]
    assert (before["state"], before["leaked"], len(catalogs())) == ("present", True, 1)
    elsewhere()
    assert memshim("reap", "--force").stdout.startswith("REMOVED  1 ")
    after, = Recording("default").report()["segments"]
    assert (after["state"], after["leaked"], after["now"]["state"]) == ("present", True, "removed")
    assert after["now"]["removed_by"]["program"] == "memshim reap"


@needs_root
def test_catalog_of_another_namespace_or_boot_is_ignored(tmp_path):
    """The same id in another namespace is another object. A catalog of an earlier boot is removed."""
    record(*leaker("billing.pl"), options=("-q",))
    script = 'shmget(0, 4096, 01600) // die; exec @ARGV'
    table = json.loads(run("unshare", "--ipc", "perl", "-e", script, MEMSHIM, "ipcs", "--json", "nothing").stdout)
    assert table["segments"][0]["creator"]["cmdline"] != "perl billing.pl" and len(catalogs()) == 1
    (tmp_path / "boot").write_text("11111111-2222-3333-4444-555555555555\n")
    mount = f'mount --bind {tmp_path}/boot /proc/sys/kernel/random/boot_id && exec "$@"'
    assert run("unshare", "-m", "sh", "-c", mount, "sh", MEMSHIM, "ipcs").returncode == 0
    assert catalogs() == []


@needs_root
def test_catalog_of_another_user_is_not_trusted():
    record(*leaker("billing.pl"), options=("-q",))
    os.remove("memshim.data")
    path, = catalogs()
    for change in (lambda: os.chown(path, 65534, 65534), lambda: (os.chown(path, 0, 0), os.chmod(path, 0o666))):
        change()
        assert creators()[0]["cmdline"] is None
    os.chmod(path, 0o600)
    assert creators()[0]["cmdline"] == "perl billing.pl"


HOSTILE = ("", "memshim left objects 1", "memshim left objects 1\nsession\n", "memshim left objects 2\n", "\0" * 100, "\t" * 5000,
           "memshim left objects 1\nsession\t../../x\t1\t\tb\t1\t1\t1\nshm\t0\n")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_files(text):
    record(*leaker("billing.pl"), options=("-q",))
    path = os.environ["MEMSHIM_DIR"] + "/x-1.left"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.mkfifo(os.environ["MEMSHIM_DIR"] + "/fifo-1.left")
    os.symlink("/dev/zero", os.environ["MEMSHIM_DIR"] + "/zero-1.left")
    done = memshim("ipcs", "--json", timeout=20)
    assert done.returncode == 0 and json.loads(done.stdout)["segments"][0]["creator"]["cmdline"] == "perl billing.pl"


def test_odd_bytes_and_damage():
    """A field can hold any byte. With any byte of the file changed, no command crashes or gives another object's facts."""
    name = "a\tb\nc\\x41\x1b[31m.pl"
    record(*leaker(name), options=("-q",))
    os.remove("memshim.data")
    assert creators()[0]["cmdline"] == "perl " + name
    assert "\x1b" not in memshim("ipcs").stdout
    path, = catalogs()
    with open(path, "rb") as file:
        sound = file.read()
    for at in range(0, len(sound), 7):
        with open(path, "wb") as file:
            file.write(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1:])
        assert memshim("ipcs").returncode == 0


def test_many_recorders_at_once():
    """Several recorders write at once, and no note is lost."""
    running = [subprocess.Popen([MEMSHIM, "record", "-q", "-o", f"{i}.data", *leaker(f"job{i}.pl")]) for i in range(12)]
    assert all(process.wait(harness.TIMEOUT_S) == 0 for process in running)
    assert sorted(c["cmdline"] for c in creators().values()) == sorted(f"perl job{i}.pl" for i in range(12))
