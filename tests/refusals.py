# SPDX-License-Identifier: MIT
"""Every refusal: one line with what and why, and the exit code of its kind."""

USAGE, ABSENT, FAILED, CANNOT_RUN, NOT_FOUND = 2, 1, 125, 126, 127


def refused(done, status, *words):
    """One line, `memshim: what: why`, and nothing on standard output."""
    assert (done.returncode, done.stdout) == (status, ""), done
    assert done.stderr.startswith("memshim: ") and done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr, (word, done.stderr)


def misused(command):
    """The exit code for a wrong command line: record's must not look like COMMAND's."""
    return FAILED if command == "record" else USAGE


def arguments(command):
    """The arguments that a command needs, so that only the tested one is wrong."""
    return {"record": ("true",), "export": ("--format=folded",), "top": ("--once",)}.get(command, ())


def refused_output(done, word):
    assert done.returncode == 1, done
    assert done.stderr.startswith("memshim: ") and done.stderr.count("\n") == 1 and word in done.stderr, done
