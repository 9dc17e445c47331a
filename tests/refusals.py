# SPDX-License-Identifier: MIT
"""What every refusal is: one line that says what and why, and the exit code of its kind."""

USAGE, ABSENT, FAILED, CANNOT_RUN, NOT_FOUND = 2, 1, 125, 126, 127


def refused(done, status, *words):
    """One line, `memshim: what: why`, nothing on standard output."""
    assert (done.returncode, done.stdout) == (status, ""), done
    assert done.stderr.startswith("memshim: ") and done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr, (word, done.stderr)


def misused(command):
    """The exit code of wrong words: those of record are not to be taken for COMMAND's own."""
    return FAILED if command == "record" else USAGE


def arguments(command):
    """What a command needs so that only what is tested is wrong."""
    return {"record": ("true",), "export": ("--format=folded",), "top": ("--once",)}.get(command, ())


def refused_output(done, word):
    assert done.returncode == 1, done
    assert done.stderr.startswith("memshim: ") and done.stderr.count("\n") == 1 and word in done.stderr, done
