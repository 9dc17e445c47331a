# SPDX-License-Identifier: MIT
"""
C programs in the text of a test. Each is compiled once, by the first worker that needs it, and kept under
BUILD/compiled by a hash of the compiler, the flags, the text and its includes. A test gets a copy, which it may
change.
"""

import fcntl
import functools
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import harness


@functools.lru_cache(None)
def cache_folder():
    folder = harness.BUILD / "compiled"
    if not os.access(harness.BUILD, os.W_OK):
        folder = pathlib.Path(tempfile.gettempdir()) / f"memshim-compiled-{os.getuid()}"
    folder.mkdir(mode=0o755, exist_ok=True)
    return folder


@functools.lru_cache(None)
def compiler_version(compiler):
    return subprocess.run([compiler, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout


def read_included(text, flags, compiler):
    """The text with this tree's headers included; system headers depend on the compiler's version."""
    if '#include "' not in text:
        return ""
    flags = [flag for flag in flags if not flag.startswith("-l")]
    return subprocess.run([compiler, "-E", "-P", "-x", "c", "-", *flags], input=text, check=True, stdout=subprocess.PIPE, text=True).stdout


def compile_program(program, text, flags, compiler="cc"):
    """Compiles a C text into a program at a path."""
    flags = [str(flag) for flag in flags]
    name = os.path.basename(program)
    what = (name, compiler, compiler_version(compiler), *flags, text, read_included(text, flags, compiler))
    kept = cache_folder() / hashlib.sha256("\0".join(what).encode()).hexdigest()[:32]
    with open(f"{kept}.lock", "a", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            new = pathlib.Path(f"{kept}.new")
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            (new / f"{name}.c").write_text(text, encoding="utf-8")
            subprocess.run([compiler, "-O1", "-o", name, f"{name}.c", *flags], cwd=new, check=True)
            new.rename(kept)
    shutil.copy(kept / name, program)
