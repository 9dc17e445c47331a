# SPDX-License-Identifier: MIT
"""
AddressSanitizer and UndefinedBehaviorSanitizer: the tests that read any file, and those that record, run again on the
build of `make sanitizers`. Tests that replay many files always run on it. A finding has its own exit status, which no
test takes for another.
"""

import os
import sys

import pytest

import harness
import machine

PARTS = {
    "damaged": ("reader/test_damage.py", "-m", "not replays"),
    "hostile": ("reader/test_hostile.py", "-k", "body"),
    "names": ("report/test_odd_names.py", "-k", "json or csv or text or graph"),
    "suppressions": ("recorder/test_written_files.py", "-k", "suppressions"),
    "wrappers": ("report/test_wrappers.py", "-k", "names_that_the_user or another_user"),
    "killed": ("recorder/test_killed.py",),
    "contract": ("cli/test_contract.py", "cli/test_files.py"),
}


@machine.needs("no sanitizer")
@pytest.mark.parametrize("part", PARTS)
def test_once_more(part):
    assert (harness.SANITIZED / "bin" / "memshim").exists(), "run make sanitizers"
    environment = {"BUILD": str(harness.SANITIZED), **harness.SANITIZER_OPTIONS, "MEMSHIM_KILLS": "3", "PYTHONPATH": "",
                   **{name: "" for name in os.environ if name.startswith("PYTEST_")}}
    tests, options = [p for p in PARTS[part] if p.endswith(".py")], [p for p in PARTS[part] if not p.endswith(".py")]
    pytest_again = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--basetemp=inner")
    done = harness.run(*pytest_again, *(harness.TOP / "tests" / test for test in tests), *options, env=environment, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "passed" in done.stdout
