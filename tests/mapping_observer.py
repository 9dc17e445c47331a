# SPDX-License-Identifier: MIT
"""
strace's record of a run and memshim's with `record -a`, compared thread by thread: mmap, munmap, mremap, mprotect.
strace prints where each system call was made. The hooks are in libmemshim.so: what strace saw there must be the log. No
such call may come from libc itself once the library has started. Calls from elsewhere (the dynamic linker, inline
system calls) are not libc's.
"""

import collections
import os
import re

import harness
from second_observer import number

TRACE = ("strace", "-f", "-X", "raw", "-y", "-i", "-s", "0", "-e", "signal=none",
         "-e", "trace=execve,getppid,clone,clone3,fork,vfork,mmap,munmap,mremap,mprotect,madvise")
CALLS = ("mmap", "munmap", "mremap", "mprotect")
CLONES = ("clone", "clone3", "fork", "vfork")
LINE = re.compile(r"(\d+) +\[([0-9a-f?]+)\] (.*)")
CALL = re.compile(r"(\w+)\((.*)\)\s+= (-?\w+|\?)(?: (E\w+))?")
RESUMED = re.compile(r"<\.\.\. \w+ resumed>(.*)")
FILE = re.compile(r"<(/[^>]*)>(?:\(deleted\))?")
FIXED, ANONYMOUS = 0x10, 0x20
DONTNEED, FREE = 4, 8


class Image:
    """Where the library and libc are mapped in one address space."""

    def __init__(self, parent=None):
        self.ranges = list(parent.ranges) if parent else []

    def add(self, path, begin, length):
        self.ranges.append((os.path.basename(path), begin, begin + length))

    def file(self, address):
        return next((name for name, begin, end in reversed(self.ranges) if begin <= address < end), None)


def _lines(path):
    begun = {}
    with open(path, errors="replace") as file:
        for line in file:
            found = LINE.match(line)
            if not found:
                continue
            tid, ip, text = int(found[1]), int(found[2].replace("?", "0"), 16), found[3]
            if text.endswith("<unfinished ...>"):
                begun[tid] = ip, text[: -len("<unfinished ...>")]
                continue
            resumed = RESUMED.match(text)
            if resumed:
                ip, first = begun.pop(tid, (0, ""))
                text = first + resumed[1]
            call = CALL.match(text)
            if call:
                yield tid, ip, call


def _arguments(text):
    return [number(FILE.sub("", a).strip()) for a in text.split(", ")]


def _call(name, arguments, result, error):
    """(name, arguments, result, errno) as the log has it; None for a mapping of a file."""
    if name == "mmap":
        if not arguments[3] & (ANONYMOUS | FIXED):
            return None
        arguments = arguments[:4]
    if name == "mremap" and (arguments[3] & 3 != 3 or arguments[3] > 7):  # strace prints the new address with both flags only
        arguments = arguments[:4]
    return (name, *arguments, None if error else result, error)


class Trace:
    """What strace saw of processes that run the library."""

    def __init__(self, path):
        self.calls = collections.defaultdict(list)  # tid -> its logged calls
        self.files = self.advices = 0
        self.missed = []  # libc's own calls while the library ran
        images, started, lines = {}, set(), list(_lines(path))
        # A thread's first calls may stand before the call that made it.
        parents = {int(found[3]): tid for tid, _, found in lines if found[1] in CLONES and found[3].isdigit()}
        for tid, ip, found in lines:
            name, result = found[1], found[3]
            if tid not in images:
                images[tid] = Image(images.get(parents.get(tid)))
                started |= {tid} if parents.get(tid) in started else set()
            image = images[tid]
            if name == "execve":
                if result == "0":
                    images[tid] = Image()
                    started.discard(tid)
            elif name not in CLONES:
                self._add(tid, ip, found, image, started)

    def _add(self, tid, ip, found, image, started):
        name, text, result, error = found.groups()
        origin = image.file(ip) or ""
        if result == "?":
            return
        if origin == "libmemshim.so" and name == "getppid":  # it registers the process
            started.add(tid)
        if name == "mmap" and not error and (path := FILE.search(text)):
            image.add(path[1], int(result, 16), _arguments(text)[1])
        if name == "getppid" or tid not in started:
            return
        arguments = _arguments(text)
        if origin.startswith("libc.so") and (name != "madvise" or arguments[2] in (DONTNEED, FREE)):
            self.missed.append((tid, found[0]))
        if origin != "libmemshim.so":
            return
        if name == "madvise":
            self.advices += arguments[2] in (DONTNEED, FREE)
            return
        call = _call(name, arguments, number(result), error)
        if call:
            self.calls[tid].append(call)
        else:
            self.files += 1


def _event_call(event):
    arguments = event["args"]
    values = [int(arguments["addr"], 16)]
    if event["call"] == "mremap":
        values += [arguments["old_length"], arguments["new_length"], arguments["flags_raw"]]
        values += [int(arguments["new_addr"], 16)] if arguments["flags_raw"] & 3 == 3 and "new_addr" in arguments else []
    else:
        values += [arguments["length"]]
    if event["call"] in ("mmap", "mprotect"):
        values += [arguments["prot_raw"]]
    if event["call"] == "mmap":
        values += [arguments["flags_raw"]]
    result = event["ret"]
    if event["errno"]:
        result = None
    elif isinstance(result, str):
        result = int(result, 16)
    return (event["call"], *values, result, event["errno"])


def logged(recording):
    """tid -> its calls in memshim's log, in order."""
    calls = collections.defaultdict(list)
    for event in recording.events("--call=" + ",".join(CALLS)):
        if event["kernel"]:
            calls[event.get("host_tid", event["tid"])].append(_event_call(event))
    return calls


def compare(recording, path, killed=False):
    """Asserts that both observers saw the same calls; returns how many. `killed`: each thread may lack its last one."""
    trace, ours = Trace(path), logged(recording)
    mapped = len(recording.events("--call=mmap"))
    assert not trace.missed, (len(trace.missed), trace.missed[:5])
    for tid in sorted(set(trace.calls) | set(ours)):
        mine, theirs = ours.get(tid, []), trace.calls.get(tid, [])
        for i, (a, b) in enumerate(zip(mine, theirs)):
            assert a == b, f"thread {tid}, call {i}: memshim {a}, strace {b}"
        assert len(mine) == len(theirs) or killed and len(mine) == len(theirs) - 1, (
            tid, len(mine), len(theirs), (mine[len(theirs):] + theirs[len(mine):])[:3])
    processes = recording.report()["processes"]
    count = lambda call: sum(sum(p["calls"][call].values()) for p in processes)
    if not killed:
        assert count("madvise") == trace.advices
        assert count("mmap") - mapped == trace.files
    return sum(map(len, ours.values()))


def watch(*command, options=(), killed=False, **rest):
    """Runs a command under both; returns (recording, how many calls they agree on)."""
    harness.need("strace")
    path = os.path.abspath("strace.out")
    recording = harness.record(*command, options=("-a", *options), before=(*TRACE, "-o", path), **rest)
    report = recording.report()
    # A thread may still be on its way out when the process exits: its call is in flight.
    in_flight = report["coverage"]["in_flight"]
    if not killed:
        harness.complete(report, in_flight)
    assert not any(harness.lost(report["coverage"]).values()), report["coverage"]
    return recording, compare(recording, path, killed or in_flight > 0)
