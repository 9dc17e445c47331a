# SPDX-License-Identifier: MIT
"""
Another user puts a folder, a link, a fifo or a file where a session belongs. Neither root nor an ordinary user joins
it or writes to it. The program runs unchanged, and `memshim record` refuses in one line or uses the next folder.
"""

import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import traceback

import pytest

import harness
from beside import needs_root
from harness import MEMSHIM, target
from refusals import FAILED, refused

pytestmark = needs_root  # there are two users

ATTACKER = 65533
CLONE_NEWNS = 0x00020000
VICTIMS = {"root": 0, "user": 65534}
PRELOAD = f"LD_PRELOAD={harness.SHIM}"


def prefix(uid):
    return ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups") if uid else ()


class Victim:
    """The user that would be led to the files of another user."""

    def __init__(self, uid):
        self.uid = uid

    def run(self, *argv, **settings):
        words = [f"{name}={value}" for name, value in settings.items()]
        return harness.run(*prefix(self.uid), "env", "-u", "MEMSHIM_DIR", *words, *argv, timeout=30)

    def by_hand(self, **settings):
        """A preloaded program: it must run unchanged in any case."""
        done = self.run("env", PRELOAD, target("calls"), 1, **settings)
        assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", ""), done


@pytest.fixture(params=VICTIMS)
def victim(request, tmp_path):
    os.chown(tmp_path, VICTIMS[request.param], VICTIMS[request.param])
    for above in tmp_path.parents:
        if above.owner() == "root" and above != pathlib.Path("/") and above.stat().st_mode & 1 == 0:
            above.chmod(above.stat().st_mode | 0o011)
    return Victim(VICTIMS[request.param])


@pytest.fixture
def ground():
    """A folder where every user may create files, as in /dev/shm and /tmp."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="memshim-test-ground-", dir="/dev/shm"))
    path.chmod(0o1777)
    yield path
    shutil.rmtree(path)


def snapshot(path):
    """All that exists below a path: names, owners, modes, sizes, content."""
    found = {}
    for at in [path, *sorted(path.rglob("*"))]:
        facts = at.lstat()
        content = at.read_bytes() if stat.S_ISREG(facts.st_mode) else None
        found[str(at)] = (facts.st_ino, facts.st_uid, facts.st_mode, facts.st_size, content)
    return found


def attackers_session(folder, name="default"):
    """A folder of the attacker with a valid segment, open to all."""
    harness.run(*prefix(ATTACKER), "mkdir", "-m", "700", folder)
    done = harness.run(*prefix(ATTACKER), "env", PRELOAD, f"MEMSHIM_SESSION={folder}/{name}.seg", target("calls"), 1)
    assert done.returncode == 0 and (folder / f"{name}.seg").exists()
    (folder / f"{name}.seg").chmod(0o666)
    folder.chmod(0o777)


def own_folder(victim, path, mode=0o700):
    path.mkdir()
    path.chmod(mode)
    os.chown(path, victim.uid, victim.uid)


def plant(kind, victim, at):
    """Puts something in the folder's place. Returns what must not change."""
    beside = at.parent / "beside"
    if kind == "folder":
        attackers_session(at)
    elif kind == "link to a folder of the attacker's":
        attackers_session(beside)
        at.symlink_to(beside)
        os.lchown(at, ATTACKER, ATTACKER)
    elif kind == "link to a folder of the victim's":
        own_folder(victim, beside, 0o755)
        at.symlink_to(beside)
        os.lchown(at, ATTACKER, ATTACKER)
    elif kind == "link to nothing":
        at.symlink_to(at.parent / "nothing")
        os.lchown(at, ATTACKER, ATTACKER)
    elif kind == "fifo":
        os.mkfifo(at, 0o666)
        os.chown(at, ATTACKER, ATTACKER)
    elif kind == "file":
        at.write_bytes(b"precious\n")
        os.chown(at, ATTACKER, ATTACKER)
    elif kind == "folder of the victim's that its group may write to":
        own_folder(victim, at, 0o770)
    elif kind == "folder of the victim's that all may write to":
        own_folder(victim, at, 0o777)
    return at.parent


FOLDERS = ["folder", "link to a folder of the attacker's", "link to a folder of the victim's", "link to nothing", "fifo", "file",
           "folder of the victim's that its group may write to", "folder of the victim's that all may write to"]


@pytest.mark.parametrize("kind", FOLDERS)
def test_folder(kind, victim, ground):
    """In MEMSHIM_DIR, or in the path of MEMSHIM_SESSION: nothing is joined, created or changed."""
    at = ground / "at"
    whole = plant(kind, victim, at)
    before = snapshot(whole)
    victim.by_hand(MEMSHIM_DIR=at)
    victim.by_hand(MEMSHIM_SESSION=at / "default.seg")
    victim.by_hand(MEMSHIM_SESSION=at / "other.seg")
    victim.by_hand(MEMSHIM_SESSION=f"{at}//default.seg")
    refused(victim.run(MEMSHIM, "record", "echo", "ran", MEMSHIM_DIR=at), FAILED, str(at))
    refused(victim.run(MEMSHIM, "record", "echo", "ran", MEMSHIM_DIR=f"{at}/"), FAILED, str(at))
    assert snapshot(whole) == before


def in_own_mounts(story):
    """Calls story() with a new /dev/shm that no other process sees."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            assert harness.libc.unshare(CLONE_NEWNS) == 0
            subprocess.run(["mount", "--make-rprivate", "/"], check=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=1777", "none", "/dev/shm"], check=True)
            story()
        except BaseException:  # pylint: disable=broad-except # the process that waits reports it
            os.write(write_end, traceback.format_exc().encode()[:60000])
        os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as said:
        text = said.read().decode()
    os.waitpid(child, 0)
    assert not text, text


@pytest.mark.parametrize("kind", FOLDERS)
@pytest.mark.parametrize("variable", ["/dev/shm", "XDG_RUNTIME_DIR", "TMPDIR"])
def test_usual_places(variable, kind, victim):
    """The session is in the next folder, and the recorder says why in one line; without another folder it ends."""
    shm = pathlib.Path("/dev/shm")
    run, tmp = shm / "run", shm / "tmp"
    places = {"/dev/shm": shm / f"memshim-{victim.uid}", "XDG_RUNTIME_DIR": run / "memshim", "TMPDIR": tmp / f"memshim-{victim.uid}"}
    names = list(places)

    def story():
        for folder in (run, tmp):
            folder.mkdir()
            folder.chmod(0o1777)
        for name in names[:names.index(variable)]:
            places[name].write_text("in the way\n")
        plant(kind, victim, places[variable])
        following = names[names.index(variable) + 1:]
        before = snapshot(shm)
        settings = {"XDG_RUNTIME_DIR": run, "TMPDIR": tmp}
        done = victim.run(MEMSHIM, "record", "-o", "/dev/null/x", "true", **settings)
        assert done.returncode == FAILED and snapshot(shm) == before
        done = victim.run(MEMSHIM, "record", "-q", "sh", "-c", "echo $MEMSHIM_SESSION", **settings)
        assert done.stderr.count("\n") == 1 and str(places[names[0]]) in done.stderr, done
        if following:
            assert done.returncode == 0 and done.stdout.startswith(f"{places[following[0]]}/record-"), done
        else:
            assert (done.returncode, done.stdout) == (FAILED, ""), done
        victim.by_hand(**settings)
        made = {str(path): facts for path, facts in snapshot(shm).items() if path not in before}
        assert set(made) == ({str(places[following[0]]), f"{places[following[0]]}/default.seg"} if following else set())
        assert {path: facts for path, facts in snapshot(shm).items() if path in before and stat.S_ISREG(facts[2])} == {
            path: facts for path, facts in before.items() if stat.S_ISREG(facts[2])}

    in_own_mounts(story)


@pytest.mark.parametrize("mode,owner,refusal", [(0o777, "victim", True), (0o770, "victim", True), (0o755, "attacker", True),
                                                (0o1777, "attacker", False), (0o1777, "victim", False), (0o755, "victim", False)])
def test_folder_above(mode, owner, refusal, victim, ground):
    """If other users could rename the folder, it is neither created nor used, unless the folder above is sticky."""
    above = ground / "above"
    uid = {"victim": victim.uid, "attacker": ATTACKER}[owner]
    own_folder(Victim(uid), above, mode)
    own_folder(victim, above / "there")
    for folder in ("there", "missing"):
        if folder == "missing" and victim.uid and owner == "attacker" and mode == 0o755:
            continue  # the kernel forbids it
        at = above / folder
        done = victim.run(MEMSHIM, "record", "-q", "echo", "ran", MEMSHIM_DIR=at)
        victim.by_hand(MEMSHIM_DIR=at)
        if refusal:
            refused(done, FAILED, str(at), "sticky")
            assert not (at / "default.seg").exists() and at.exists() == (folder == "there")
        else:
            assert (done.returncode, done.stdout, done.stderr) == (0, "ran\n", "")
            assert (at / "default.seg").stat().st_uid == victim.uid


FILES = ["root's", "the attacker's", "the attacker's, sparse", "hard link", "link", "fifo", "written to by all", "written to by the group"]


@pytest.mark.parametrize("kind", FILES)
def test_file(kind, victim, ground):
    """In a good folder: the file is refused and not changed."""
    at = ground / "at"
    own_folder(victim, at)
    victim.by_hand(MEMSHIM_SESSION=at / "sound.seg")
    sound, place = at / "sound.seg", at / "default.seg"
    if kind == "hard link":
        os.link(sound, place)
    elif kind == "link":
        place.symlink_to(sound)
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        shutil.copy(sound, place)
        os.chown(place, victim.uid, victim.uid)
        place.chmod({"written to by all": 0o606, "written to by the group": 0o660}.get(kind, 0o600))
    if kind == "root's" and victim.uid == 0:
        return  # it is one's own
    if kind.endswith("'s") or kind.endswith("sparse"):
        owner = 0 if kind == "root's" else ATTACKER
        os.chown(place, owner, owner)
        place.chmod(0o666)
    if kind.endswith("sparse"):
        size = place.stat().st_size
        with open(place, "r+b") as file:
            file.truncate(4096)
            file.truncate(size)
    before = snapshot(at)
    victim.by_hand(MEMSHIM_DIR=at)
    victim.by_hand(MEMSHIM_SESSION=place)
    assert snapshot(at) == before


def test_folder_of_root(ground):
    """Root's folder is not an ordinary user's, whatever is in it."""
    user, at = Victim(65534), ground / "at"
    own_folder(user, at)
    user.by_hand(MEMSHIM_SESSION=at / "default.seg")
    os.chown(at, 0, 0)
    at.chmod(0o755)
    before = snapshot(at)
    user.by_hand(MEMSHIM_SESSION=at / "default.seg")
    user.by_hand(MEMSHIM_DIR=at)
    assert snapshot(at) == before


def test_link_of_its_own_user(victim, ground):
    """systemd makes a link to a service's run-time folder: links of root and of the user itself are followed."""
    for i, owner in enumerate((0, victim.uid)):
        folder, link = ground / f"folder{i}", ground / f"link{i}"
        own_folder(victim, folder)
        link.symlink_to(folder.name if i else folder)
        os.lchown(link, owner, owner)
        victim.by_hand(MEMSHIM_SESSION=link / "main.seg")
        assert os.listdir(folder) == ["main.seg"]


SWAP = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
print("begun", flush=True)
while True:
    libc.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2)
"""


@pytest.mark.parametrize("kind", ["the attacker's folder", "a link to the attacker's folder"])
def test_swapped_again_and_again(kind, victim, ground):
    """Between a check and a use, a link alternates between a good folder and the attacker's."""
    good, bad, at = ground / "good", ground / "bad", ground / "at"
    own_folder(victim, good)
    attackers_session(bad)
    victim.by_hand(MEMSHIM_SESSION=good / "default.seg")
    other = bad
    if kind.startswith("a link"):
        other = ground / "link"
        other.symlink_to(bad)
        os.lchown(other, ATTACKER, ATTACKER)
    at.symlink_to(good)
    os.lchown(at, ATTACKER, ATTACKER)
    content = (bad / "default.seg").read_bytes()
    with harness.Lines(*prefix(ATTACKER), sys.executable, "-c", SWAP, at, other) as lines:
        lines.wait_for("begun")
        for _ in range(20):
            victim.by_hand(MEMSHIM_DIR=at)
            victim.by_hand(MEMSHIM_SESSION=at / "default.seg")
            done = victim.run(MEMSHIM, "record", "-q", "echo", "ran", MEMSHIM_DIR=at)
            assert (done.returncode, done.stdout) == (FAILED, "")
        lines.process.kill()
    there = bad if bad.is_dir() and not bad.is_symlink() else at
    assert os.listdir(there) == ["default.seg"] and (there / "default.seg").read_bytes() == content
    assert os.listdir(good) == ["default.seg"]


def test_swapped_on_the_way(victim, ground):
    """
    A link further up alternates between this user's folder and the attacker's. With only one free descriptor, two
    checks see one folder.
    """
    ground.chmod(0o777)  # in a sticky folder, the kernel does not follow another user's link
    good, bad, way, other = (ground / name for name in ("good", "bad", "way", "other"))
    for above, uid in ((good, victim.uid), (bad, ATTACKER)):
        own_folder(Victim(uid), above, 0o755)
    own_folder(victim, good / "at")
    attackers_session(bad / "at", "theirs")
    for link, above in ((way, good), (other, bad)):
        link.symlink_to(above)
        os.lchown(link, ATTACKER, ATTACKER)
    content = (bad / "at" / "theirs.seg").read_bytes()
    with harness.Lines(*prefix(ATTACKER), sys.executable, "-c", SWAP, way, other) as lines:
        lines.wait_for("begun")
        for i in range(20):
            for name in ("theirs", f"mine{i}"):
                victim.by_hand(MEMSHIM_SESSION=way / "at" / f"{name}.seg")
                done = victim.run("prlimit", "--nofile=4:4", "env", PRELOAD, target("calls"), 1,
                                  MEMSHIM_SESSION=way / "at" / f"{name}{i}.seg")
                assert (done.returncode, done.stdout) == (0, "wrong: 0\n")
        lines.process.kill()
    assert (bad / "at" / "theirs.seg").read_bytes() == content
    assert [path.name for path in (bad / "at").iterdir() if path.suffix == ".seg"] == ["theirs.seg"]
    assert "theirs.seg" in os.listdir(good / "at")


def test_folder_above_in_a_namespace(ground):
    """
    A user namespace that does not map root shows root's folder with an unmapped owner: that is not another user that
    may rename.
    """
    above, own = ground / "above", ground / "above" / "own"
    own_folder(Victim(0), above, 0o755)
    own_folder(Victim(65532), own)
    for how in (("--user",), ("--user", "--map-root-user")):
        name = f"{len(how)}.seg"
        harness.run(*prefix(65532), "unshare", *how, "env", PRELOAD, f"MEMSHIM_SESSION={own}/{name}", target("calls"), 1)
        assert (own / name).exists()
    own_folder(Victim(65534), ground / "nobodys", 0o755)
    own_folder(Victim(65532), ground / "nobodys" / "own")
    harness.run(*prefix(65532), "env", PRELOAD, f"MEMSHIM_SESSION={ground}/nobodys/own/s.seg", target("calls"), 1)
    assert os.listdir(ground / "nobodys" / "own") == [], "where all users are mapped, nobody is a user"


def test_unmapped_users_are_not_trusted(ground):
    """In a user namespace without a map, all users have one number: a folder with that number may be another user's."""
    at = ground / "at"
    attackers_session(at)
    before = snapshot(at)
    done = harness.run(*prefix(65532), "unshare", "--user", "env", PRELOAD, f"MEMSHIM_SESSION={at}/default.seg", target("calls"), 1)
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", "")
    assert snapshot(at) == before
    own = ground / "own"
    own_folder(Victim(65532), own)
    harness.run(*prefix(65532), "unshare", "--user", "env", PRELOAD, f"MEMSHIM_SESSION={own}/default.seg", target("calls"), 1)
    assert os.listdir(own) == ["default.seg"]
