# SPDX-License-Identifier: MIT
"""
Small faults, each in a file of its own, and the tests that must fail for it.

    run.py --lint                   each file is sound: its text occurs once in the tree, its tests are there
    run.py BUILD [--sample N] [NAME...]   puts each fault into a copy of the tree, builds it there and runs its tests: fails when
                                    no test notices

A file NAME.mutant has, line by line: what is wrong; `tests: ` and the tests' ids; `file: ` and a path; `<<<<`, the right text, `====`,
the wrong text, `>>>>`. The right text occurs exactly once in the file: no line numbers, so that other changes do not disturb it.
"""

import argparse
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

FOLDER = pathlib.Path(__file__).resolve().parent
TOP = FOLDER.parent.parent
FORM = re.compile(r"(?P<what>[^\n]+)\ntests: (?P<tests>[^\n]+)\nfile: (?P<path>[^\n]+)\n"
                  r"<<<<\n(?P<right>.*\n)====\n(?P<wrong>.*?)>>>>\n", re.S)
SECONDS = 600  # a fault may hang its test: that counts as noticed
TESTS_FAILED = 1


class Mutant:
    """One fault."""

    def __init__(self, path):
        self.name = path.stem
        found = FORM.fullmatch(path.read_text(encoding="utf-8"))
        if not found:
            sys.exit(f"{path}: not of the form that {__file__} describes")
        self.what, self.path, self.right, self.wrong = found["what"], found["path"], found["right"], found["wrong"]
        self.tests = found["tests"].split()

    def complaints(self):
        """What is wrong with the file itself."""
        source = TOP / self.path
        if not source.is_file():
            moved = [str(p.relative_to(TOP)) for folder in ("preload", "report") for p in (TOP / folder).rglob("*.*")
                     if self.right in p.read_text(encoding="utf-8", errors="replace")]
            yield f"{self.path}: not there" + (f"; its text is in {moved[0]}" if moved else "")
        elif (count := source.read_text(encoding="utf-8").count(self.right)) != 1:
            yield f"its text occurs {count} times in {self.path}"
        if self.right == self.wrong:
            yield "it changes nothing"
        for test in self.tests:
            path, *names = test.split("::")
            function = names[-1].partition("[")[0] if names else ""
            text = (TOP / path).read_text(encoding="utf-8") if (TOP / path).is_file() else ""
            if not re.search(rf"^def {function}\b" if names else ".", text, re.M):
                yield f"{test}: no such test"


def all_mutants():
    return [Mutant(path) for path in sorted(FOLDER.glob("*.mutant"))]


def lint():
    found = [f"tests/mutants/{mutant.name}.mutant: {line}" for mutant in all_mutants() for line in mutant.complaints()]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


class Copy:
    """A copy of the tree, with a build of its own."""

    def __init__(self, build):
        self.folder = pathlib.Path(build).resolve() / "mutants"
        shutil.rmtree(self.folder, ignore_errors=True)
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP, check=True, stdout=subprocess.PIPE, text=True)
        for name in filter(lambda n: (TOP / n).is_file(), listed.stdout.splitlines()):
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, self.folder / name)
        # Objects that are newer than their sources need not be built again.
        for part in ("obj", "bin", "lib", "tests", "fuzz", "flags", "files", "packages"):
            source = pathlib.Path(build) / part
            if source.is_dir():
                shutil.copytree(source, self.folder / "build" / part, symlinks=True)
            elif source.is_file():
                shutil.copy2(source, self.folder / "build" / part)
        if (pathlib.Path(build) / "compiled").is_dir():
            shutil.copytree(pathlib.Path(build) / "compiled", self.folder / "build" / "compiled")

    def make(self):
        """None, or the compiler's message."""
        done = subprocess.run(["make", f"-j{os.cpu_count()}", "all", "tests"], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, env={**os.environ, "MAKEFLAGS": "", "BUILD": "build"})
        return done.stdout if done.returncode else None

    def run(self, tests, *options):
        """pytest's status and output; its status is None when it does not end."""
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *options, *tests]
        try:
            done = subprocess.run(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=SECONDS * (3 if options else 1), env={**os.environ, "BUILD": str(self.folder / "build")})
        except subprocess.TimeoutExpired:
            return None, ""
        return done.returncode, done.stdout

    def judge(self, mutant):
        """"noticed", or why not."""
        source = self.folder / mutant.path
        sound = source.read_text(encoding="utf-8")
        source.write_text(sound.replace(mutant.right, mutant.wrong), encoding="utf-8")
        try:
            wrong = self.make()
            if wrong:
                return "does not compile: " + next((line for line in wrong.splitlines() if "error" in line), "?")
            status, output = self.run(mutant.tests)
        finally:
            source.write_text(sound, encoding="utf-8")
        if status in (None, TESTS_FAILED):
            return "noticed"
        return "NOT noticed" if status == 0 else f"its tests do not run: {output.splitlines()[-1:]}"


def run(build, mutants):
    copy = Copy(build)
    wrong = copy.make()
    if wrong:
        sys.exit(wrong)
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    status, output = copy.run(tests, "-n", "2", "--dist", "loadgroup")
    if status != 0:
        sys.exit(f"without any fault the tests fail, too:\n{output}")
    failed = 0
    for mutant in mutants:
        began = time.monotonic()
        verdict = copy.judge(mutant)
        failed += verdict != "noticed"
        what = "" if verdict == "noticed" else f": {mutant.what}"
        print(f"{verdict}  {mutant.name} ({time.monotonic() - began:.1f} s){what}", flush=True)
    print(f"{len(mutants) - failed} of {len(mutants)} noticed")
    shutil.rmtree(copy.folder)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lint", action="store_true")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("build", nargs="?", default="build")
    parser.add_argument("names", nargs="*")
    words = parser.parse_args()
    if words.lint:
        return lint()
    mutants = all_mutants()
    unknown = set(words.names) - {m.name for m in mutants}
    if unknown:
        sys.exit(f"no such mutant: {' '.join(sorted(unknown))}")
    mutants = [m for m in mutants if m.name in words.names or not words.names]
    if words.sample:
        mutants = random.sample(mutants, min(words.sample, len(mutants)))
    return lint() or run(words.build, mutants)


if __name__ == "__main__":
    sys.exit(main())
