# SPDX-License-Identifier: MIT
"""
Secure execution: a program with more rights than its caller uses nothing of the caller's environment, however the
shim was loaded. Nothing is joined, created or logged.
"""

import os
import pathlib
import re
import shutil
import subprocess

import pytest

import harness
from beside import needs_root
from harness import target

USER = 65534
AS_USER = ("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups")
# ld.so removes these from the environment of a secure program, which becomes shorter.
REMOVED = {"nothing": (), "TMPDIR": ("TMPDIR=/tmp",), "LD_LIBRARY_PATH": ("LD_LIBRARY_PATH=/nowhere",),
           "both": ("TMPDIR=/tmp", "LD_LIBRARY_PATH=/nowhere"),
           "many": ("TMPDIR=/tmp", "LD_LIBRARY_PATH=/nowhere", "LD_ORIGIN_PATH=/", "LD_AUDIT=", "MALLOC_TRACE=x", "RES_OPTIONS=debug",
                    "LOCALDOMAIN=x", "HOSTALIASES=x", "NLSPATH=x", "GETCONF_DIR=/", "RESOLV_HOST_CONF=x", "LOCPATH=/nowhere")}
RIGHTS = {"set-uid": 0, "set-gid": USER, "capabilities": USER}


@pytest.fixture
def folder():
    """A folder of live segments in memory, open to all users; its session is the one to join."""
    path = pathlib.Path(f"/dev/shm/memshim-test-secure-{os.getpid()}")
    path.mkdir(0o700)
    yield path
    shutil.rmtree(path)


def privileged(rights, name="privileged"):
    """A copy of a program that has other rights than its caller."""
    os.chmod(".", 0o755)
    shutil.copy(target("calls"), name)
    if rights == "set-uid":
        os.chmod(name, 0o4755)
    elif rights == "set-gid":
        os.chmod(name, 0o2755)
    elif rights == "capabilities":
        subprocess.run(["setcap", "cap_net_raw+ep", name], check=True)
    return os.path.abspath(name)


def in_own_etc(command, *settings):
    """Runs a command where /etc/ld.so.preload names the shim, with the old /dev/shm."""
    script = (f"mkdir etc && cp -a /etc/. etc/ && echo {harness.SHIM} >etc/ld.so.preload && mount --bind etc /etc && "
              'exec "$@"')
    return harness.run("unshare", "--mount", "sh", "-c", script, "sh", *AS_USER, "env", *settings, *command)


@needs_root
@pytest.mark.parametrize("removed", REMOVED)
@pytest.mark.parametrize("rights", RIGHTS)
def test_under_ld_so_preload(rights, removed, folder, user):
    """/etc/ld.so.preload loads the shim into every program, also into those with more rights."""
    user("true")
    harness.need("setcap")
    program = privileged(rights)
    os.chown(folder, RIGHTS[rights], RIGHTS[rights])
    done = in_own_etc((program, "1"), f"MEMSHIM_SESSION={folder}/s.seg", f"MEMSHIM_DIR={folder}", *REMOVED[removed])
    assert (done.returncode, done.stdout) == (0, "wrong: 0\n"), done
    assert [path.name for path in folder.iterdir()] == []


@needs_root
def test_ordinary_under_ld_so_preload(folder, user):
    """In the same way, a program with its caller's rights is followed: so the others refuse on their own."""
    user("true")
    program = privileged(None)
    os.chown(folder, USER, USER)
    done = in_own_etc((program, "1"), f"MEMSHIM_SESSION={folder}/s.seg", *REMOVED["many"])
    assert (done.returncode, done.stdout) == (0, "wrong: 0\n"), done
    assert [path.name for path in folder.iterdir()] == ["s.seg"]


def in_a_trusted_folder(mode):
    """A shell line that puts the shim, with this mode, where ld.so finds it by a bare name; and that name."""
    libc, = re.findall(r"libc\.so\.6 => (\S+)", subprocess.check_output(["ldd", target("calls")], text=True))
    name = "libBrokenLocale.so.1"  # libc's own; a program that needs it is hard to find
    return f"cp {harness.SHIM} shim.so && chmod {mode} shim.so && mount --bind shim.so {os.path.dirname(libc)}/{name}", name


@needs_root
@pytest.mark.parametrize("removed", REMOVED)
@pytest.mark.parametrize("rights,mode,joins", [("set-uid", "4755", False), ("set-gid", "4755", False), (None, "4755", True)])
def test_in_a_trusted_folder(rights, mode, joins, removed, folder, user):
    """A set-uid library in a system folder is preloaded by its bare name into set-uid programs, too."""
    user("true")
    program = privileged(rights)
    owner = 0 if rights == "set-uid" else USER
    os.chown(folder, owner, owner)
    line, name = in_a_trusted_folder(mode)
    done = harness.run("unshare", "--mount", "sh", "-c", f'{line} && exec "$@"', "sh", *AS_USER, "env", *REMOVED[removed],
                       f"MEMSHIM_SESSION={folder}/s.seg", f"LD_PRELOAD={name}", "LD_DEBUG_OUTPUT=/dev/null", program, "1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", ""), done
    assert bool(list(folder.iterdir())) == joins


@needs_root
def test_other_ids_alone():
    """Real and effective ids differ, in a program without rights of its own."""
    harness.need("setpriv")
    done = harness.run("setpriv", f"--ruid={USER}", "--clear-groups", "env", f"LD_PRELOAD={harness.SHIM}", target("calls"), 1)
    assert (done.returncode, done.stdout) == (0, "wrong: 0\n")
    assert os.listdir(os.environ["MEMSHIM_DIR"]) == []
