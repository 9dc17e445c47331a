# SPDX-License-Identifier: MIT
"""The command line: each mistake gets one line with what and why, and the exit code of its kind."""

import os

import pytest

import harness
import machine
import tables
from harness import memshim, record, target
from refusals import ABSENT, CANNOT_RUN, FAILED, NOT_FOUND, USAGE, arguments, misused, refused


@pytest.mark.parametrize("argv", [(), ("nonsense",), ("-x",), ("help", "nonsense"), ("record",), ("export",)])
def test_no_such_command(argv):
    refused(memshim(*argv), misused(*argv[:1] or ("",)))


@pytest.mark.parametrize("command", [c for c in tables.COMMANDS if c != "help"])
def test_unknown_option(command):
    refused(memshim(command, "--nonsense", *arguments(command)), misused(command), "--nonsense", command)
    refused(memshim(command, "-@", *arguments(command)), misused(command), "-@")


@pytest.mark.parametrize("option", tables.OPTIONS, ids=lambda o: o[0])
def test_option_of_another_command(option):
    _, _, long, _, commands = option
    for command in set(tables.COMMANDS) - set(commands) - {"help"}:
        if any(long == other[2] and command in other[4] for other in tables.OPTIONS):
            continue
        refused(memshim(command, f"--{long}=1", *arguments(command)), misused(command), f"--{long}")


@pytest.mark.parametrize("option", [o for o in tables.OPTIONS if o[3]], ids=lambda o: o[0])
def test_option_without_its_value(option):
    _, short, long, _, commands = option
    for command in commands:
        refused(memshim(command, f"--{long}"), misused(command), f"--{long}")
        if short:
            refused(memshim(command, f"-{short}"), misused(command))


@pytest.mark.parametrize("option", [o for o in tables.OPTIONS if not o[3]], ids=lambda o: o[0])
def test_option_with_a_value_too_many(option):
    for command in option[4]:
        refused(memshim(command, f"--{option[2]}=1", *arguments(command)), misused(command), f"--{option[2]}")


WRONG = {
    "delay": ["x", "0", "-1", "1s", "nan", "1e9"], "iterations": ["x", "0", "-1", "1.5"], "top": ["x", "0", "-1", "1.5"],
    "pid": ["x", "-1", "0", "99999999999", ""], "key": ["zz", "0x1ffffffff"],
    **dict.fromkeys(("shmid", "semid", "msqid"), ["x", "-1", "1.5"]),
    "call": ["foo", "brk,foo", ""], "sort": ["nonsense"], "color": ["maybe"], "columns": ["nonsense", "pid,nonsense"],
    "stack-depth": ["65", "-1", "x", ""], "log-size": ["1", "x", "16X", "9999999G", ""],
    "error-exitcode": ["256", "-1", "x"], "format": ["nonsense"], "process": ["x", "0"],
    "sample": ["x", "-1", "1.5", "3600001", ""], "view": ["nonsense"],
    "expect": ["leaked", "nonsense=0", "leaked=x"], "flame-of": ["nonsense", "Peak"],
}

ANY_VALUE = {"output", "exe", "flame", "sysroot", "suppress", "wrapper", "wrapper-file"}


@pytest.mark.parametrize("option", [o for o in tables.OPTIONS if o[2] in WRONG], ids=lambda o: o[0])
def test_option_with_a_wrong_value(option):
    record("true")
    for command in option[4]:
        for value in WRONG[option[2]]:
            more = {"columns": ("--csv",), "format": ()}.get(option[2], arguments(command))
            more = () if (command, option[2]) in (("report", "columns"), ("ls", "columns")) else more
            refused(memshim(command, f"--{option[2]}={value}", *more), misused(command))


@pytest.mark.parametrize("option", [o for o in tables.OPTIONS if o[3]], ids=lambda o: o[0])
def test_option_with_an_empty_value(option):
    """An empty value is an error, and the line names the option."""
    assert option[2] in WRONG or option[2] in ANY_VALUE, "what is wrong for a new option?"
    record("true")
    for command in option[4]:
        refused(memshim(command, f"--{option[2]}=", *arguments(command)), misused(command), f"--{option[2]}: ''")


@pytest.mark.parametrize("argv", [("ls", "x"), ("env", "x"), ("report", "x", "y"), ("export", "--format=folded", "x", "y"),
                                  ("help", "ls", "x"), ("events", "--json", "--csv"), ("events", "-O", "pid")])
def test_contradicting_options(argv):
    record("true")
    refused(memshim(*argv), USAGE)


@pytest.mark.parametrize("command", tables.COMMANDS)
def test_help(command):
    """Each command's help names its options, fits 80 columns, and exits with 0."""
    text = memshim("help", command).stdout
    assert not any(line.endswith(" ") for line in text.splitlines())
    assert ("\nFILE is a recording" in text) == ("[FILE]" in text.splitlines()[0])
    for done in (memshim("help", command), memshim(command, "--help")):
        if command == "help":
            continue
        assert (done.returncode, done.stderr) == (0, "")
        assert all(len(line) <= 80 for line in done.stdout.splitlines())
        for _, short, long, _, commands in tables.OPTIONS:
            assert (f"--{long}" in done.stdout.replace("=", " ").split()) == (command in commands) or any(
                long == o[2] and command in o[4] for o in tables.OPTIONS)
    assert f"\n  {command} " in memshim("help").stdout
    assert memshim("--help").stdout == memshim("help").stdout


@pytest.mark.parametrize("word", ["--version", "-V", "version"])
def test_version(word):
    done = memshim(word)
    assert (done.returncode, done.stdout) == (0, "memshim 0.2.0\n")


@pytest.mark.parametrize("word, meant", [("repot", "report"), ("eventss", "events"), ("rpeort", "report"), ("ipc", "ipcs"),
                                         ("rec", "record"), ("man", "map"), ("", None), ("nonsense", None),
                                         ("perf-record-of-a-program", None)])
def test_mistyped_command_is_answered_with_the_nearest_name(word, meant):
    for argv in ((word,), ("help", word)):
        done = memshim(*argv)
        refused(done, USAGE, f"did you mean {meant}?" if meant else "'memshim help' lists them")


def test_record_stops_at_the_first_word_that_is_no_option():
    done = memshim("record", "-q", "echo", "-k", "--nonsense", "--help")
    assert (done.returncode, done.stdout) == (0, "-k --nonsense --help\n")
    assert memshim("record", "-q", "--help").stdout == memshim("help", "record").stdout


ODD = "x\x1b[31m\n\x7f\u009b2J\u202e\udcff\udc9b"


@pytest.mark.parametrize("argv", [(ODD,), ("report", ODD), ("report", "--color", ODD), ("events", "--call", ODD),
                                  ("ls", "-s", ODD), ("record", ODD), ("record", "./" + ODD), ("help", ODD)])
def test_odd_bytes_in_the_line(argv):
    """An argument that the message repeats cannot control the terminal, and stays on one line."""
    done = memshim(*argv)
    assert done.returncode in (ABSENT, USAGE, NOT_FOUND) and done.stderr.count("\n") == 1
    assert done.stderr.startswith("memshim: ") and "x?[31m???2J" in done.stderr
    assert done.stderr[:-1].isprintable(), done.stderr


def test_letters_in_the_line():
    refused(memshim("report", "naïve-日本"), ABSENT, "naïve-日本: No such file")
    refused(memshim("report", ""), ABSENT, "''")


# ---- record ----


def test_record_cannot_run():
    os.mkdir("folder")
    with open("plain", "w", encoding="ascii") as file:
        file.write("#!/nonexistent/interpreter\n")
    refused(memshim("record", "./plain"), CANNOT_RUN, "./plain", "Permission denied")
    os.chmod("plain", 0o755)
    refused(memshim("record", "./plain"), CANNOT_RUN, "./plain", "/nonexistent/interpreter")
    refused(memshim("record", "./folder"), CANNOT_RUN, "./folder", "directory")
    refused(memshim("record", "no-such-program"), NOT_FOUND, "no-such-program", "not found")
    refused(memshim("record", "./no-such-program"), NOT_FOUND, "./no-such-program", "No such file")
    refused(memshim("record", ""), NOT_FOUND)
    assert sorted(os.listdir()) == ["folder", "plain"], "no recording of what never ran"
    assert os.listdir(os.environ["MEMSHIM_DIR"]) == []


@pytest.mark.parametrize("output", ["/dev/null/memshim.data", ".", "/dev/full", "/dev/null"])
def test_record_without_an_output(output):
    done = memshim("record", "-o", output, "--", "sh", "-c", "echo ran")
    refused(done, FAILED, output, "--output")


WRONG_SETTINGS = ["SESSION=..", "SESSION=", "STACK_DEPTH=65", "STACK_DEPTH=-1", "STACK_DEPTH=1x", "STACK_DEPTH=", "LOG_SIZE=1",
                  "LOG_SIZE=99999G", "LOG_SIZE=16X", "LOG_SIZE=18446744073709551617", "LOG_SIZE=", "OFF=x", "OFF=", "PATCH=x",
                  "PATCH=2"]


@pytest.mark.parametrize("setting", WRONG_SETTINGS)
def test_wrong_setting(setting):
    """The program runs as usual; the reader reports the wrong setting."""
    name, value = setting.split("=")
    done = harness.run(target("calls"), "1", env={"LD_PRELOAD": harness.SHIM, f"MEMSHIM_{name}": value})
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", "")
    report = harness.Recording(os.path.join(os.environ["MEMSHIM_DIR"], "default.seg")).report()
    assert report["coverage"]["bad_settings"] == 1
    assert "bad-setting" in {f["kind"] for f in report["findings"]}


@pytest.mark.parametrize("folder", ["/dev/null", "/dev/null/x", "/proc", "relative/folder", "x" * 5000])
def test_missing_folder(folder):
    """Without a folder the program runs as usual, without a session; the recorder refuses and runs nothing."""
    done = harness.run(target("calls"), "1", env={"LD_PRELOAD": harness.SHIM, "MEMSHIM_DIR": folder})
    assert (done.returncode, done.stdout, done.stderr) == (0, "wrong: 0\n", "")
    refused(memshim("record", "echo", "ran", env={"MEMSHIM_DIR": folder}), FAILED)
    assert os.listdir() == []


small_stacks = machine.needs("no sanitizer")  # its frames are larger


def on_a_small_stack(*argv):
    return ("bash", "-c", 'ulimit -s 64; exec "$@"', "bash", harness.MEMSHIM, *argv)


@small_stacks
@pytest.mark.parametrize("words", ["report", "report --json", "events --json", "top --once", "map", "graph", "reap",
                                   "export --format=folded"])
def test_on_a_small_stack(words):
    """64K: libraries that read symbols or draw screens need more."""
    harness.record("ls", "-l", "/usr/bin", options=("-q",))
    with open("memshim.data", "ab") as file:
        file.write(b"x" * 100000)  # it searches what is behind the end
    done = harness.run(*on_a_small_stack(*words.split(), "memshim.data"))
    plain = harness.memshim(*words.split(), "memshim.data")
    assert (done.returncode, done.stderr, len(done.stdout)) == (0, plain.stderr, len(plain.stdout))


@small_stacks
def test_recorder_on_a_small_stack():
    """The recorder needs little stack, however deep the process tree is."""
    with open("chain.sh", "w", encoding="ascii") as file:
        file.write('[ $1 = 0 ] && { echo there; read line; exit 0; }; env -i bash "$0" $(($1 - 1)); exit')
    with harness.Lines(*on_a_small_stack("record", "-q", "bash", "chain.sh", "40")) as lines:
        lines.wait_for("there")
        recording = harness.Recording("memshim.data")
        harness.wait_until(lambda: len(recording.report()["coverage"]["not_followed"]) == 40, "they are missed", lines.process)
        assert lines.end() == (0, "")
