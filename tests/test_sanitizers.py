# SPDX-License-Identifier: MIT
"""
Under AddressSanitizer and UndefinedBehaviorSanitizer: what reads any file, and what records. Those tests are run once more, on the
build that `make sanitizers` makes; a finding has an exit status of its own, that no test takes for another.
"""

import sys

import pytest

import harness

SANITIZED = harness.BUILD / "sanitized"
PARTS = {
    "damaged": ("test_fuzz.py", "test_damage.py"),
    "hostile": ("test_hostile.py", "-k", "body"),
    "names": ("test_odd_names.py", "-k", "json or csv or text or graph"),
    "killed": ("test_killed.py",),
    "contract": ("test_contract.py", "test_files.py"),
}
STATUS = 99
OPTIONS = f"exitcode={STATUS}:allocator_may_return_null=1:handle_abort=1"


@pytest.mark.skipif("sanitize" in harness.BUILD.name or harness.BUILD.name in ("asan", "ubsan", "tsan"), reason="this is that run")
@pytest.mark.parametrize("part", PARTS)
def test_once_more(part):
    assert (SANITIZED / "bin" / "memshim").exists(), "run make sanitizers"
    environment = {"BUILD": str(SANITIZED), "ASAN_OPTIONS": OPTIONS, "UBSAN_OPTIONS": f"exitcode={STATUS}:print_stacktrace=1",
                   "MEMSHIM_KILLS": "3", "PYTHONPATH": ""}
    tests, options = [p for p in PARTS[part] if p.endswith(".py")], [p for p in PARTS[part] if not p.endswith(".py")]
    pytest_again = (sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--basetemp=inner")
    done = harness.run(*pytest_again, *(harness.TOP / "tests" / test for test in tests), *options, env=environment, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "passed" in done.stdout
