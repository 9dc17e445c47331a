# SPDX-License-Identifier: MIT
"""`memshim reap` in the tests: a leak, and which segments are kept or removed."""

import re

import harness
from harness import memshim, run, target
from story import KEY, kernel_rows


def reaped(text, verdict="REMOVED"):
    """The objects under the titles REMOVED, LEAKED, KEPT or OF OTHER SESSIONS: ["segment 3", "set 0"]."""
    groups = re.findall(r"^([A-Z ]+)  \d.*\n((?:.+\n)*)", text, re.M)
    return [f"{row[1]} {row[2]}" for title, rows in groups if title == verdict
            for row in re.finditer(r"^(segment|set|queue) +(\d+) ", rows, re.M)]


LEAK = ("perl", "-e", f"shmget({KEY:#x}, 4096, 03600) // die; print ''")


def kept(*options, words, runner=memshim):
    """Asserts that reap keeps all that it lists, with the given reason for one of them."""
    before = set(kernel_rows())
    done = runner(*([harness.MEMSHIM] if runner is not memshim else []), "reap", "--force", *options)
    assert (done.returncode, done.stderr) == (0, ""), done
    assert not reaped(done.stdout) and words in " ".join(done.stdout.split()), done.stdout
    assert set(kernel_rows()) == before
    return done.stdout


def removed(*options, count=1):
    done = memshim("reap", "--force", *options)
    assert done.returncode == 0 and f"{count} removed, " in done.stdout, done
    return done.stdout


def user_prefix(uid):
    return ("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups")


def as_user(uid):
    return lambda *argv, **options: run(*user_prefix(uid), *argv, **options)


def story(*words):
    """A command that does with segments what the words say: see tests/targets/ledger.c."""
    return "sh", "-c", "printf '" + "".join(f"{line}\\n" for line in words) + f"' | {target('ledger')}"
