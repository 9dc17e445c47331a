# SPDX-License-Identifier: MIT
"""Each lint passes on the present tree, and fails on a violation."""

import functools
import os
import shutil
import subprocess

import pytest

import harness
from harness import run


GIT = ("git", "-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "gc.auto=0")


@pytest.fixture(scope="session")
def copied_tree(tmp_path_factory):
    """A copy of all files that are committed, or would be: one for all tests."""
    copy = tmp_path_factory.mktemp("tree")
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=harness.TOP, check=True,
                            stdout=subprocess.PIPE, text=True).stdout.split("\n")
    for name in filter(None, listed):
        if (harness.TOP / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(harness.TOP / name, copy / name)
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "copy")):
        subprocess.run([*GIT, *words], cwd=copy, check=True)
    return copy


@pytest.fixture
def tree(copied_tree):
    """The copy, restored after each test."""
    yield copied_tree
    for words in (("reset", "-q", "--hard"), ("clean", "-q", "-fdx")):
        subprocess.run([*GIT, *words], cwd=copied_tree, check=True)


def script_of(tree, name):
    return tree / "scripts" / (name if name == "format-page" else f"lint-{name}")


def lint(tree, name, *arguments):
    return run(script_of(tree, name), *arguments, cwd=tree)


@functools.lru_cache(None)
def lint_of_sound_tree(name):
    return run(script_of(harness.TOP, name), cwd=harness.TOP)


def edit(tree, path, old, new):
    text = (tree / path).read_text(encoding="utf-8")
    assert old in text, (path, old)
    (tree / path).write_text(text.replace(old, new), encoding="utf-8")


def add(tree, path, line):
    with open(tree / path, "a", encoding="utf-8") as file:
        file.write(line + "\n")


def lines_of(path):
    return len((harness.TOP / path).read_text(encoding="utf-8").splitlines())


BROKEN = [
    ("rooms", lambda t: add(t, "report/model/model.c", '#include "report/view/out.h"'), "the model includes"),
    ("rooms", lambda t: add(t, "report/model/sites.c", 'void f(void) { printf("x"); }'), "no input and no output"),
    ("rooms", lambda t: add(t, "report/view/table.c", '#include "report/reader/source.h"'), "views see the model only"),
    ("rooms", lambda t: add(t, "report/view/table.c", '#include "preload/segment/layout.h"'), "views see the model only"),
    ("rooms", lambda t: add(t, "report/reader/file.c", '#include "preload/shim.h"'), "the contract"),
    ("rooms", lambda t: add(t, "preload/program.c", '#include "report/util/format.h"'), "knows nothing of the reporter"),
    ("rooms", lambda t: add(t, "preload/segment/window.h", '#include "../shim.h"'), "the contract includes nothing"),
    ("rooms", lambda t: add(t, "report/cli/ls.c", '#include "preload/segment/layout.h"'), "only the reader knows the layout"),
    ("rooms", lambda t: add(t, "preload/common/clock.h", '#include "../shim.h"'), "the common helpers include"),
    ("circles", lambda t: add(t, "report/session/find.h", '#include "report/session/session.h"') or
     add(t, "report/session/session.h", '#include "report/session/find.h"'), "these headers include each other"),
    ("headers", lambda t: add(t, "report/session/session.h", "void listing_free(struct listing *listing);"),
     "declares listing_free, which report/session/listing.c defines"),
    ("headers", lambda t: add(t, "report/session/find.c", "void listing_free(struct listing *listing);"),
     "declares listing_free, which report/session/listing.c defines"),
    ("names", lambda t: add(t, "report/session/find.c", "void listing_free(void) {}"), "listing_free: stands for 2 functions"),
    ("names", lambda t: add(t, "report/session/find.c", "void find(void) {}"), "a name needs two words"),
    ("names", lambda t: add(t, "report/session/find.c", "void find_long(void)\n{" + "\n" * 60 + "}"), "find_long has 62 lines"),
    ("map", lambda t: (t / "report/new.c").write_text("/* SPDX-License-Identifier: MIT */\n"), "lacks new"),
    ("map", lambda t: (t / "report/util/format.c").unlink() or (t / "report/util/format.h").unlink(), "names util/format: not there"),
    ("map", lambda t: edit(t, "report/main.c", " *   util/format ",
                           " *   session/session  again\n *   util/format "), "names session/session twice"),
    ("map", lambda t: (t / "preload/new.c").write_text("/* SPDX-License-Identifier: MIT */\n"), "preload/README.md: lacks new.c"),
    ("map", lambda t: (t / "tests/top/test_new.py").touch(), "the room top lacks new"),
    ("map", lambda t: (t / "tests/top/test_top_real.py").unlink(), "the room top names top_real: not there"),
    ("pairs", lambda t: edit(t, "preload/segment/publish.h", "memory_order_release); /* W2",
                               "memory_order_relaxed); /* W2"), "W2 is no release"),
    ("pairs", lambda t: edit(t, "preload/segment/publish.h", "memory_order_release); /* W4",
                               "memory_order_relaxed); /* W4"), "W4 is no release"),
    ("pairs", lambda t: edit(t, "preload/segment/publish.h", "memory_order_acquire); /* R1",
                               "memory_order_relaxed); /* R1"), "R1 is no acquire"),
    ("pairs", lambda t: add(t, "preload/stack.c", "void f(void) { atomic_thread_fence(5); }"), "memory is ordered in"),
    ("words", lambda t: add(t, "report/session/session.c", "int x; " + "/" * 99), "longer than the page"),
    ("words", lambda t: add(t, "report/session/session.c", "int x; "), "blanks at the end"),
    ("phrases", lambda t: add(t, "report/session/session.c", "/* It is" + " said. */"), "a phrase to avoid"),
    ("words", lambda t: add(t, "report/session/session.c", "\n" * 400), "more than one idea"),
    ("words", lambda t: edit(t, "report/session/session.c", "/* SPDX-License-Identifier: MIT */", ""), "no licence line"),
    ("words", lambda t: add(t, "report/session/session.c", "\t" * 12 + "int x;"), "longer than the page"),
    ("words", lambda t: add(t, "tests/harness.py", "#" * 141),
     f"tests/harness.py:{lines_of('tests/harness.py') + 1}: longer than the page"),
    ("words", lambda t: add(t, "report/session/session.h", "\n" * 280), "too long for a header"),
    ("words", lambda t: (t / "report/empty.h").touch(), "report/empty.h: has no licence line"),
    ("pairs", lambda t: edit(t, "preload/segment/publish.h", " W4 pairs with R1", " W4"), "is not argued"),
    ("rooms", lambda t: add(t, "report/symbols/symbols.c", '#include "report/reader/file.h"'), "symbols include the model"),
    ("rooms", lambda t: add(t, "report/recorder/tree.c", '#include "report/model/model.h"'), "the recorder includes the contract"),
    ("docs", lambda t: add(t, "report/cli/options.def", 'OPTION(NEW, 0, "new-one", NULL, FOR(LS), "x")'), "the option --new-one"),
    ("docs", lambda t: add(t, "report/cli/commands.def", 'COMMAND(NEW, novel, "", "x")'), "the command novel"),
    ("docs", lambda t: add(t, "README.md", "`memshim report --nonsense`"), "--nonsense does not exist"),
    ("docs", lambda t: add(t, "report/model/findings.def", 'FINDING(NEW, "new-finding", NOTE)'), "the finding new-finding"),
    ("docs", lambda t: edit(t, "report/man/memshim.1", ".SS memshim ls", ".SS memshim list"), "does not describe the command ls"),
    ("docs", lambda t: edit(t, "report/man/memshim.1", "\\-\\-no\\-follow", "\\-\\-follow"), "the option --no-follow"),
    ("docs", lambda t: edit(t, "report/man/memshim.1", "\\-\\-wait", "\\-\\-waiting"), "--waiting does not exist"),
    ("docs", lambda t: edit(t, "report/man/memshim.1", ".B torn\n", ""), "does not describe the loss torn"),
    ("docs", lambda t: edit(t, "report/man/memshim.1", ".B leaked-segment\n", ""), "the finding leaked-segment"),
    ("docs", lambda t: edit(t, "README.md", "MEMSHIM_PATCH", "PATCH"), "README.md: does not describe the variable MEMSHIM_PATCH"),
    ("docs", lambda t: edit(t, "report/cli/options.def", '"no-follow"', '"alone"'), "does not describe the option --alone"),
    ("docs", lambda t: edit(t, "CHANGELOG.md", "## 0.2.0", "## 0.2.1"), "CHANGELOG.md: does not begin with version"),
    ("docs", lambda t: add(t, "preload/settings.c", '/* "MEMSHIM_NEW" */'), "the variable MEMSHIM_NEW"),
    ("format-page", lambda t: edit(t, "preload/segment/recorded.h", "uint32_t other_uid;", "uint32_t other_user;"),
     "are not those of the headers"),
]
if shutil.which("clang-format-14"):
    BROKEN.append(("format", lambda t: add(t, "report/session/session.c", "int  x;"), "report/session/session.c:"))


@pytest.mark.parametrize("line", ["\t" * 12 + "1234", "x" * 100, "é" * 100, "\té\t" + "x" * 84], ids=["tabs", "letters", "accents", "both"])
def test_lines_that_just_fit(tree, line):
    """Columns are counted, not bytes."""
    add(tree, "report/session/session.c", line)
    assert lint(tree, "words").returncode == 0
    edit(tree, "report/session/session.c", line, line + "x")
    assert "longer than the page" in lint(tree, "words").stdout


def test_all_lints(tree, tmp_path):
    """All lints run, and one that fails makes the whole fail. cppcheck gets only the one wrong file."""
    harness.need("shellcheck", "cppcheck")
    checker = tmp_path / "bin" / "cppcheck"
    checker.parent.mkdir()
    checker.write_text("#!/bin/bash\n[ \"${*: -2}\" = 'report preload' ] || exit 2\n"
                       f"exec {shutil.which('cppcheck')} \"${{@:1:$# - 2}}\" report/session/session.c\n")
    checker.chmod(0o755)
    add(tree, "report/session/session.c", "int array_last(void);\nint array_last(void) { int a[2] = {1, 2}; return a[2]; } ")
    (tree / "scripts" / "new").write_text("#!/bin/sh\n# SPDX-License-Identifier: MIT\ncd $1\n")
    done = run(tree / "scripts" / "lint", harness.BUILD, cwd=tree, env={"PATH": f"{checker.parent}:{os.environ['PATH']}"})
    assert done.returncode == 1
    said = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines() if line.startswith(("  ok ", "  FAIL "))}
    assert {name for name, word in said.items() if word == "FAIL"} - {"format"} == {"words", "shellcheck", "cppcheck"}
    assert {name for name, word in said.items() if word == "ok"} >= {"rooms", "pairs", "map", "exports", "docs"}
    assert "session.c" in done.stderr + done.stdout and "arrayIndexOutOfBounds" in done.stderr + done.stdout


@pytest.mark.parametrize("name,damage,words", BROKEN, ids=lambda v: v.replace(" ", "-") if isinstance(v, str) else "")
def test_lint(tree, name, damage, words):
    before = lint_of_sound_tree(name)
    assert before.returncode == 0, before.stdout
    damage(tree)
    after = lint(tree, name)
    assert after.returncode == 1 and words in after.stdout + after.stderr, after.stdout + after.stderr


def test_exports(tmp_path):
    """The shim's exports and imports are a closed list."""
    exports = harness.TOP / "scripts" / "lint-exports"
    symbols = harness.TOP / "preload" / "exports.map"
    assert run(exports, harness.SHIM).returncode == 0
    (tmp_path / "less.map").write_text(symbols.read_text().replace("\t\tshmdt;\n", ""))
    done = run(exports, harness.SHIM, tmp_path / "less.map")
    assert done.returncode == 1 and "exports" in done.stdout
    (tmp_path / "needy.c").write_text('#include <stdio.h>\nvoid shmat(void) { puts("x"); }\n')
    subprocess.run(["cc", "-shared", "-fPIC", "-o", "needy.so", "needy.c"], check=True)
    done = run(exports, "needy.so", symbols)
    for words in ("needs puts", "not linked with -z INITFIRST", "-z NODELETE", "-z NOW", "exports shmat where"):
        assert words in done.stdout, done.stdout


def test_no_libc_call_in_the_shim():
    """The shim imports only __errno_location: it cannot allocate, lock or print."""
    undefined = subprocess.run(["nm", "-D", "--undefined-only", harness.SHIM], stdout=subprocess.PIPE, text=True, check=True)
    strong = [line.split()[1].split("@")[0] for line in undefined.stdout.splitlines() if line.split()[0] == "U"]
    assert strong == ["__errno_location"]


def test_hardening():
    """What a distribution's own check requires of both."""
    program = subprocess.run(["readelf", "-hldW", harness.MEMSHIM], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "DYN (" in program and " NOW" in program and "GNU_RELRO" in program
    shim = subprocess.run(["readelf", "-ldW", harness.SHIM], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "GNU_RELRO" in shim and "TEXTREL" not in shim
    symbols = subprocess.run(["nm", "-D", harness.MEMSHIM], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert "__stack_chk_fail" in symbols and "__snprintf_chk" in symbols or "__asan_" in symbols or "__ubsan_" in symbols
    for text in (program, shim):
        loads = [line.split("0x")[-2].split()[-1] for line in text.splitlines() if line.split()[:1] == ["LOAD"]]
        assert loads and not any("W" in flags and "E" in flags for flags in loads), "nothing is writable and executable"
        assert "RPATH" not in text and "RUNPATH" not in text
        stack = next(line for line in text.splitlines() if "GNU_STACK" in line)
        assert "RWE" not in stack
    assert os.path.exists(harness.TOP / "LICENSE")
