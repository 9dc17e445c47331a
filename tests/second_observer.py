# SPDX-License-Identifier: MIT
"""
strace's record of a run and memshim's, in one form and compared thread by thread. A call is (name, arguments, result,
errno). A call that only asks for the break (brk(0)) is counted by memshim, not logged, so neither record has it.
"""

import collections
import os
import re

import harness

TRACE = ("strace", "-f", "-X", "raw", "-e", "trace=brk,shmget,shmat,shmdt,shmctl,execve", "-e", "signal=none")
WORD = (1 << 64) - 1


def signed(value, bits=32):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value


def number(text):
    """A number in strace's output: -1, NULL, 0x200|31<<26|0600."""
    value = 0
    for word in text.replace("NULL", "0").split("|"):
        word, _, shift = word.partition("<<")
        value |= int(word, 8 if word.isdigit() and word[0] == "0" else 0) << int(shift or 0)
    return value


def _call(name, arguments, result, error):
    arguments = [number(a) for a in arguments]
    if name == "brk":
        return None if arguments[0] == 0 else ("brk", arguments[0], result & WORD, None)
    result = None if error else result & (WORD if name == "shmat" else 0xffffffff)
    if name == "shmget":
        arguments = (signed(arguments[0]), arguments[1], arguments[2] & 0xffffffff)
    elif name == "shmat":
        arguments = (signed(arguments[0]), arguments[1], arguments[2] & 0xffffffff)
    elif name == "shmctl":
        arguments = (signed(arguments[0]), signed(arguments[1]) & ~0x100)
    return (name, *arguments, result, error)


LINE = re.compile(r"(\w+)\((.*?)\)\s+= (-?\w+)(?: (E\w+))?")
STRUCT = re.compile(r"\{.*?\}+(?=\)|,)")


def _lines(path):
    """strace's lines, with the two halves of an interrupted line joined."""
    begun = {}
    with open(path, errors="replace") as file:
        for line in file:
            tid, _, text = line.rstrip("\n").partition(" ")
            tid, text = int(tid), text.strip()
            if text.endswith("<unfinished ...>"):
                begun[tid] = text[: -len("<unfinished ...>")]
                continue
            resumed = re.match(r"<\.\.\. \w+ resumed>(.*)", text)
            if resumed:
                text = begun.pop(tid, "") + resumed[1]
            yield tid, text


def strace_calls(path, command):
    """tid -> its calls, in order; of `command`, from its first exec on: before, it was memshim."""
    calls = collections.defaultdict(list)
    is_ours = True
    for tid, text in _lines(path):
        found = LINE.match(STRUCT.sub("0", text))
        if not found or found[1].startswith("syscall_"):  # unknown ones pass strace's filter
            continue
        if found[1] == "execve":
            if is_ours and tid == command and found[3] == "0":
                calls[tid].clear()
                is_ours = False
            continue
        arguments = [a.strip() for a in found[2].split(",")]
        call = _call(found[1], arguments[: {"shmctl": 2}.get(found[1], 3)], number(found[3]), found[4])
        if call:
            calls[tid].append(call)
    return calls


def _event_call(event):
    arguments, error = event["args"], event["errno"]
    if event["call"] in ("brk", "sbrk"):
        # A filter's EPERM: libc takes it for a break, and reports no error.
        filtered = error and error != "ENOMEM"
        after = WORD if filtered else int(event["break"]["after"], 16)
        if event["call"] == "brk":
            return ("brk", int(arguments["addr"], 16), after, None)
        start = event["break"]["before"] if error and not filtered else event["ret"]
        return ("brk", (int(start, 16) + arguments["increment"]) & WORD, after, None)
    if error:
        result = None
    elif event["call"] == "shmat":
        result = int(event["ret"], 16)
    else:
        result = event["ret"] & 0xffffffff
    if event["call"] == "shmget":
        values = (signed(int(str(arguments["key"]), 0)), arguments["size"], arguments["flags_raw"])
    elif event["call"] == "shmat":
        values = (arguments["shmid"], int(arguments["addr"] or "0", 16), arguments["flags_raw"])
    elif event["call"] == "shmctl":
        values = (arguments["shmid"], arguments["cmd_raw"] & ~0x100)
    else:
        values = (int(arguments["addr"] or "0", 16),)
    return (event["call"], *values, result, error)


def event_calls(recording):
    """tid -> its calls, in order, in memshim's log."""
    calls = collections.defaultdict(list)
    for event in recording.calls():
        if event["kernel"]:
            calls[event.get("host_tid", event["tid"])].append(_event_call(event))
    return calls


def compare(recording, trace):
    """Asserts that both observers agree about every thread that memshim knows."""
    report = recording.report()
    seen = strace_calls(trace, report["session"]["command_pid"])
    logged = event_calls(recording)
    threads = {p.get("host_pid", p["pid"]) for p in report["processes"]} | set(logged)
    for tid in sorted(threads):
        ours, theirs = logged.get(tid, []), seen.get(tid, [])
        for i, (a, b) in enumerate(zip(ours, theirs)):
            assert a == b, f"thread {tid}, call {i}: memshim {a}, strace {b}"
        assert len(ours) == len(theirs), (
            f"thread {tid}: {len(ours)} events, {len(theirs)} calls: "
            f"{(ours[len(theirs):] + theirs[len(ours):])[:3]}")
    return sum(len(calls) for calls in logged.values())


def watch(*command, options=(), **rest):
    """Runs a command under both; returns (recording, how many calls they agree on)."""
    harness.need("strace")
    trace = os.path.abspath("strace.out")
    recording = harness.record(*command, options=options, before=(*TRACE, "-o", trace), **rest)
    harness.complete(recording.report())
    return recording, compare(recording, trace)


