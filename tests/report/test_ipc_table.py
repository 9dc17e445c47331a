# SPDX-License-Identifier: MIT
"""`memshim ipcs` and `graph`, and how `reap` removes segments."""

import contextlib
import json
import os
import re
import shutil
import subprocess

import pytest

import harness
import machine
from harness import Lines, Recording, memshim, record, run, target
from reaping import reaped
from story import KEY, SHM_RDONLY, Teller, kernel_holders, kernel_rows, recorded

LEAK = ("perl", "-e", "for (1..3) { shmget($_ == 3 ? 0x6d656d11 : 0, 4096 * $_, 01600) // die }")
USAGE, ABSENT = 2, 1


pytestmark = machine.needs("root")  # without an IPC namespace, all processes share the table


def ipcs(*options):
    return json.loads(memshim("ipcs", "--json", *options).stdout)


# ---- ipcs ----


def limit(name, word=0):
    with open(f"/proc/sys/kernel/{name}", encoding="ascii") as file:
        return file.read().split()[word]


def test_all_three_kinds():
    """Each row of the kernel's tables is shown, with its numbers."""
    for kind in ("-Q", ("-S", "3"), ("-M", "4096")):
        assert run("ipcmk", *([kind] if isinstance(kind, str) else kind)).returncode == 0
    table = ipcs()
    segment, = table["segments"]
    queue, = table["queues"]
    semaphores, = table["semaphores"]
    row, = kernel_rows().values()
    assert (segment["shmid"], segment["size"], segment["nattch"]) == (row["shmid"], 4096, 0)
    assert (segment["mode"], segment["creator_uid"], segment["state"]) == ("0644", 0, "orphaned")
    assert (queue["messages"], queue["bytes"], semaphores["semaphores"]) == (0, 0, 3)
    shown = memshim("ipcs").stdout
    assert re.findall(r"(?m)^([A-Z ]+  1.*)$", shown) == [
        f"SHARED MEMORY  1, 4K, 1 orphaned; SHMMNI 1 of {limit('shmmni')}", f"MESSAGE QUEUES  1; MSGMNI 1 of {limit('msgmni')}",
        f"SEMAPHORES  1; SEMMNI 1 of {limit('sem', 3)}; SEMMNS 3 of {limit('sem', 1)}"]
    assert {row["name"]: row["used"] for row in table["limits"]} == {"SHMMNI": 1, "SHMALL": 1, "SEMMNI": 1, "SEMMNS": 3, "MSGMNI": 1}
    for number in (segment["key"], queue["key"], semaphores["key"]):
        assert number in shown
    listed = run("ipcs", "-m").stdout
    assert segment["key"] in listed and str(segment["shmid"]) in listed


def test_orphaned_segments_come_first():
    """What nobody uses any more, the largest first; then the others by their ids."""
    with recorded() as lines:
        program = Teller(lines)
        used = program.get()
        program.tell("use", used)
        program.tell("at")
        for size in (4096, 8192):
            assert run("ipcmk", "-M", str(size)).returncode == 0
        rows = [line.split()[4:7:2] for line in memshim("ipcs", "-O", "key,id,owner,mode,size,nattch,state").stdout.splitlines()[2:5]]
        assert rows == [["8K", "orphaned"], ["4K", "orphaned"], rows[2]] and rows[2][1] == "in"
        lines.end()


def test_creators_and_holders_have_names():
    """A session that saw the creation knows the creator's name after it has ended."""
    with recorded() as lines, Lines(target("ledger")) as outsider:
        shmid = Teller(lines).get(KEY, 65536)
        Teller(lines).tell("at")
        Teller(outsider).tell("use", shmid)
        Teller(outsider).tell("at", 0, SHM_RDONLY)
        segment, = ipcs()["segments"]
        assert segment["creator"]["runs"] and segment["creator"]["program"] == "ledger"
        holders = sorted((h["pid"], int(h["address"], 16), h["readonly"]) for h in segment["holders"])
        assert holders == kernel_holders()[shmid] and len(holders) == 2
        assert segment["state"] == "in use" and segment["unaccounted"] == 0
        lines.end()
        segment, = ipcs()["segments"]
        assert (segment["creator"]["program"], segment["creator"]["runs"]) == ("ledger", False)
        assert segment["creator"]["cmdline"] == target("ledger")
        os.rename("memshim.data", "elsewhere")
        segment, = ipcs()["segments"]
        assert segment["creator"]["program"] == "ledger", "the catalog has it"
        segment, = ipcs("elsewhere")["segments"]
        assert segment["creator"]["program"] == "ledger"
        shown = memshim("ipcs", "elsewhere", "--columns=creator,holders,state").stdout
        pid = segment["creator"]["pid"]
        assert f"[ledger {pid}]" in shown and f"ledger {outsider.process.pid} ro" in shown
        Teller(outsider).tell("rm")
        assert ipcs()["segments"][0]["state"] == "marked"


def test_reused_pid_is_not_the_creator(compile_c):
    """Another program that got the creator's pid is not named as the creator."""
    program = compile_c("creator", """
    #include <stdio.h>
    #include <sys/shm.h>
    int main(void) { return shmget(0x6d656d12, 4096, IPC_CREAT | 0600) < 0; }
    """)
    creator = subprocess.Popen([program])
    assert creator.wait(20) == 0
    harness.wait_until(lambda: next_second(), "the segment is older than a process")
    with process_of_pid(creator.pid):
        segment, = ipcs()["segments"]
        assert segment["creator"] == {"pid": creator.pid, "program": None, "cmdline": None, "runs": False,
                                      "session": None}


@contextlib.contextmanager
def process_of_pid(pid):
    """Starts a process that has this pid. Where another process took the pid first, it waits until that one ends."""
    for _ in range(1000):
        with contextlib.ExitStack() as stack:
            with machine.pids_after(pid - 1):
                other = stack.enter_context(Lines(target("ledger")))
            if other.process.pid == pid:
                yield
                return
    raise AssertionError(f"the pid {pid} is another's all the time")


def next_second(began={}):
    """Waits two seconds after the first reading, because ctime counts seconds."""
    import time
    return time.time() > began.setdefault("at", time.time()) + 2.1


def test_columns_and_filters():
    record(*LEAK, options=("-q",))
    ids = [s["shmid"] for s in ipcs()["segments"]]
    assert [s["shmid"] for s in ipcs("-m", ids[1])["segments"]] == [ids[1]]
    assert [s["size"] for s in ipcs("-M", "0x6d656d11")["segments"]] == [12288]
    shown = memshim("ipcs", "--columns=id,size", "--sort=size", "-b", "--no-headings").stdout
    assert [line.split()[1] for line in shown.splitlines()] == ["12288", "8192", "4096"]
    assert memshim("ipcs", "--columns=nonsense").returncode == USAGE
    assert memshim("ipcs", "--sort=nonsense").returncode == USAGE
    wide = memshim("ipcs", env={"COLUMNS": "80"}).stdout
    assert max(map(len, wide.splitlines())) <= 80


def test_a_page_of_80_columns():
    """On a narrow page, the columns for state and holders stay, shortened."""
    with recorded() as lines:
        program = Teller(lines)
        program.get(KEY, 65536)
        program.tell("at")
        program.tell("at", 0, SHM_RDONLY)
        narrow = memshim("ipcs", env={"COLUMNS": "80"}).stdout.splitlines()
        assert max(map(len, narrow)) <= 80
        assert "STATE" in narrow[1] and "HELD BY" in narrow[1]
        pid, = {h["pid"] for h in ipcs()["segments"][0]["holders"]}
        assert narrow[2].endswith(f"  in use  ledger {pid}  ledger {pid}"), "reads and writes: not only reads"
        program.tell("fork")
        assert memshim("ipcs", env={"COLUMNS": "80"}).stdout.splitlines()[2].endswith(f"ledger {pid} +1 more")
        drawn = memshim("graph", env={"COLUMNS": "80"}).stdout
        assert f"ledger {pid} 2x64K ───▶ │ shmid" in drawn and f"│ by ledger {pid}" in drawn
        edges = {line.index("│") for line in drawn.splitlines() if "│" in line} | {drawn.splitlines()[0].index("┌")}
        assert len(edges) == 1, "the box is straight"
        program.tell("rm")
        lines.end()


# ---- graph ----


def test_graph():
    with recorded() as lines, Lines(target("ledger")) as outsider:
        program = Teller(lines)
        shmid = program.get(KEY, 65536)
        program.tell("at")
        program.tell("fork")
        Teller(outsider).tell("use", shmid)
        Teller(outsider).tell("at", 0, SHM_RDONLY)
        live = json.loads(memshim("graph", "--format=json").stdout)
        edges = {(e["pid"] == outsider.process.pid, e["inherited"], e["readonly"], e["bytes"], e["live"], e["made"])
                 for e in live["edges"]}
        assert edges == {(False, False, False, 65536, True, True), (False, True, False, 65536, True, False),
                         (True, False, True, 65536, True, False)}
        assert {p["traced"] for p in live["processes"]} == {True, False}
        assert [s["shmid"] for s in live["segments"]] == [shmid]
        drawn = memshim("graph").stdout
        assert f"shmid {shmid}, 64K" in drawn and drawn.count("───▶") + drawn.count("◀───") == 3
        assert "64K ro" in drawn and "by fork" in drawn
        program.tell("dt")
        assert "┄" in memshim("graph").stdout, "what was is drawn broken, live"
        ascii_only = memshim("graph", env={"LC_ALL": "C"}).stdout
        assert ascii_only.isascii() and "--->" in ascii_only
        program.tell("rm")
        lines.end()
    after = json.loads(memshim("graph", "--json").stdout)
    assert len(after["edges"]) == 2 and not any(e["live"] for e in after["edges"])
    assert max(map(len, memshim("graph", env={"COLUMNS": "80"}).stdout.splitlines())) <= 80


def test_names_in_the_graph():
    """Names are whole where there is space beside the box. A shortened name is marked, and cut between letters."""
    shutil.copy("/usr/bin/perl", "averagingséserver")
    fork = "for (1..3) { fork or (shmread($i, $x, 0, 1), exit) }"
    for output, more in (("alone.data", ""), ("many.data", fork)):
        record("./averagingséserver", "-e", f"$i = shmget(0, 4096, 01600); shmread($i, $x, 0, 1); {more} 1 while wait != -1;"
               "shmctl($i, 0, 0)", output=output, options=("-q",))
    lines = memshim("graph", "alone.data", env={"COLUMNS": "80"}).stdout.splitlines()
    assert lines[1].startswith("averagingséserver ") and re.search(r"│ by averagi*n*…server \d+ +│", lines[3])
    assert len({line.index("│") for line in lines[1:-1]} | {lines[0].index("┌"), lines[-1].index("└")}) == 1
    lines = memshim("graph", "many.data", env={"COLUMNS": "80"}).stdout.splitlines()
    assert max(map(len, lines)) <= 80 and len(re.findall(r"aver\w*…\w*er \d+ 4K ro", "\n".join(lines))) == 4
    assert memshim("graph", "many.data", env={"COLUMNS": "120"}).stdout.count("averagingséserver ") == 4
    plain = memshim("graph", "many.data", env={"LC_ALL": "C", "COLUMNS": "80"}).stdout
    assert plain.isascii() and len(re.findall(r"ave[\w?]*\.\.\.\w*r \d+ 4K ro", plain)) == 4


def test_graph_for_other_tools():
    record(*LEAK, options=("-q",))
    dot = memshim("graph", "--format=dot").stdout
    assert dot.startswith("digraph") and dot.count(" -> ") == 1 and "3 segments" in dot and dot.rstrip().endswith("}")
    mermaid = memshim("graph", "--format=mermaid").stdout
    assert mermaid.startswith("graph LR\n") and mermaid.count("|\"created\"|") == 1 and "3 segments" in mermaid
    assert memshim("graph", "--format=dot", "--ungroup").stdout.count(" -> ") == 3
    assert memshim("graph", "--format=nonsense").returncode == USAGE
    if shutil.which("dot"):
        assert subprocess.run(["dot", "-Tsvg"], input=dot, text=True, stdout=subprocess.PIPE, check=True).stdout


def test_graph_of_nothing():
    record("true", options=("-q",))
    assert memshim("graph").stdout == "no shared segments, semaphore sets or message queues\n"


# ---- reap ----


def reap(*options, race=None):
    env = {"LD_PRELOAD": target("libracing.so"), "RACE": race} if race else {}
    return memshim("reap", *options, env=env)


def test_dry_run():
    record(*LEAK, options=("-q",))
    before = kernel_rows()
    done = reap()
    assert done.returncode == 0 and len(reaped(done.stdout, "LEAKED")) == 3
    assert "3 to be removed, 0 kept; --force removes" in done.stdout
    assert kernel_rows() == before


def test_force():
    record(*LEAK, options=("-q",))
    assert run("ipcmk", "-M", "4096").returncode == 0
    ours = sorted(s["shmid"] for s in Recording("memshim.data").report()["segments"])
    done = reap("--force", "-m", ours[0])
    assert (done.returncode, reaped(done.stdout)) == (0, [f"segment {ours[0]}"])
    assert ours[0] not in kernel_rows()
    done = reap("--force", "-M", "0x6d656d11")
    assert len(reaped(done.stdout)) == 1
    assert reap("--force").returncode == 0
    assert len(kernel_rows()) == 1, "what the session did not make stays"
    assert reap("--force").stdout == "nothing leaked\n"


def test_reap_prints_why_segments_are_kept():
    """A segment that was not created here, is attached, or has a running creator stays, each with its reason."""
    assert run("ipcmk", "-M", "4096").returncode == 0
    shmid, = kernel_rows()
    with recorded() as lines, Lines(target("ledger")) as outsider:
        program = Teller(lines)
        program.tell("use", shmid)
        program.tell("at")
        program.tell("dt")
        mine = program.get()
        assert "its creator, still runs" in reap("--force").stdout
        Teller(outsider).tell("use", mine)
        Teller(outsider).tell("at")
        lines.end()
        done = reap("--force")
        assert done.returncode == 0
        assert set(reaped(done.stdout, "KEPT")) == {f"segment {shmid}", f"segment {mine}"}
        assert re.search(f"this session did not create it\n.*\nsegment +{shmid} ", done.stdout)
        assert re.search(f"a process has it attached\n.*\nsegment +{mine} ", done.stdout)
        assert set(kernel_rows()) == {shmid, mine}
    assert len(reaped(reap("--force").stdout)) == 1
    assert set(kernel_rows()) == {shmid}


@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("how", ["attach", "remove", "renew"])
def test_races(how, call):
    """Another process changes the segment before each check of reap: the segment stays."""
    record("perl", "-e", "shmget(0x6d656d11, 4096, 01640) // die", options=("-q",))
    first, = kernel_rows()
    done = reap("--force", race=f"{call}:{how}")
    assert not reaped(done.stdout) and done.returncode == ABSENT, done
    if how == "attach":
        assert first in kernel_rows() and kernel_rows()[first]["perms"] == 0o640, "as it was"
        assert "attached it meanwhile" in done.stdout
    elif how == "renew":
        renewed, = kernel_rows()
        assert renewed != first and kernel_rows()[renewed]["perms"] & 0o777 == 0o600, "the new one is untouched"
    else:
        assert kernel_rows() == {}


def test_reap_keeps_a_new_segment_with_the_same_id():
    """The segment is removed and created again between the last two checks, with the same key, size and id: it stays."""
    record("perl", "-e", "shmget(0x6d656d11, 4096, 01640) // die", options=("-q",))
    first, = kernel_rows()
    done = reap("--force", race="3:again")
    assert "it is another segment now" in done.stdout and done.returncode == ABSENT
    assert list(kernel_rows()) == [first] and kernel_rows()[first]["perms"] == 0o600, "the new one is untouched"


def test_mode_is_zero_between_check_and_removal():
    """Between the last check and the removal the mode is 0: only root could attach the segment."""
    record("perl", "-e", "shmget(0x6d656d11, 4096, 01666) // die", options=("-q",))
    done = reap("--force", race="2:user")
    assert "let in" in done.stdout and "attached it meanwhile" in done.stdout and len(kernel_rows()) == 1
    done = reap("--force", race="4:user")
    assert "shut out" in done.stdout and len(reaped(done.stdout)) == 1 and kernel_rows() == {}


def test_nothing_of_another_namespace():
    """A recording of another IPC namespace gives no facts about the ids of this one."""
    done = run("unshare", "--ipc", harness.MEMSHIM, "record", "-q", "--", *LEAK)
    assert done.returncode == 0
    assert run("ipcmk", "-M", "4096").returncode == 0
    before = kernel_rows()
    done = reap("--force")
    assert not reaped(done.stdout) and "another IPC namespace" in done.stdout
    assert kernel_rows() == before


def leak_advice(name, *options):
    report = json.loads(memshim("report", "--json", *options, "--", name).stdout)
    advice, = [f["advice"] for f in report["findings"] if f["kind"] == "leaked-segment"]
    return advice


@pytest.mark.parametrize("name", ["memshim.data", "other.data", "it's $(a) \\name!", "-n", "näme"])
def test_the_advice_can_be_typed(name):
    """The command in the finding removes what it names, as it is printed; the summary's command shows it."""
    done = record(*LEAK, output="./" + name).result
    command = re.search(r"see 'memshim (report.*)'$", done.stderr, re.M)[1]
    assert run("sh", "-c", f"{harness.MEMSHIM} {command}").stdout.count("leaked-segment") == 1
    first = min(kernel_rows())
    single = re.match(rf"'memshim (reap --force -m {first}.*)' removes it; have", leak_advice(name, "-m", first))[1]
    several = re.match("'memshim (reap --force.*)' removes them and", leak_advice(name))[1]
    assert (single.split()[4:] == [], several.split()[2:] == []) == (name == "memshim.data",) * 2
    for command, count in ((single, 1), (several, 2)):
        done = run("sh", "-c", f"{harness.MEMSHIM} {command}")
        assert (done.returncode, len(reaped(done.stdout))) == (0, count), (command, done)
    assert kernel_rows() == {}


def test_no_advice_that_reap_refuses():
    assert run("unshare", "--ipc", harness.MEMSHIM, "record", "-q", "--", *LEAK).returncode == 0
    finding = next(f for f in Recording("memshim.data").report()["findings"] if f["kind"] == "leaked-segment")
    assert "reap" not in finding["advice"] and "ipcrm" not in finding["advice"], "here the id may be another segment's"
    assert "memshim cannot tell here whether the segment still exists" in finding["advice"]


def test_not_the_owner(user, tmp_path_factory):
    """A user that may not remove the segment gets a message, and nothing changes."""
    folder = tmp_path_factory.mktemp("live", numbered=True)
    folder.chmod(0o700)
    record(*LEAK, options=("-q",), env={"MEMSHIM_DIR": str(folder)})
    os.chmod("memshim.data", 0o644)
    os.chown("memshim.data", 65534, 65534)
    done = user(harness.MEMSHIM, "reap", "--force")
    assert done.returncode == 0, done
    assert len(reaped(done.stdout, "KEPT")) == 3 and "created by user 0: that user and root may remove it" in done.stdout
    assert {row["perms"] for row in kernel_rows().values()} == {0o600} and len(kernel_rows()) == 3
