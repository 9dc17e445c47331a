# SPDX-License-Identifier: MIT
"""
strace's record of a run and memshim's, in one form and compared thread by thread. A call is (name, arguments, result,
errno). A call that only asks for the break (brk(0)) is counted by memshim, not logged, so neither record has it. Nor do
they have a semop, semtimedop, msgsnd or msgrcv that succeeded, or that failed with EAGAIN or EINTR: the counts are compared.
"""

import collections
import os
import re

import harness

CALLS = "brk,shmget,shmat,shmdt,shmctl,semget,semctl,semop,semtimedop,msgget,msgctl,msgsnd,msgrcv"
TRACE = ("strace", "-f", "-X", "raw", "-e", f"trace={CALLS},execve", "-e", "signal=none")
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


OPERATIONS = ("semop", "semtimedop", "msgsnd", "msgrcv")
ANSWERS = ("EAGAIN", "EINTR")
COMPARED = {"shmctl": 2, "semctl": 3, "msgget": 2, "msgctl": 2, **dict.fromkeys(OPERATIONS, 1)}  # arguments; else 3


def one_name(name):
    """libc may make semop(3) from either system call."""
    return "semop" if name == "semtimedop" else name


def _call(name, arguments, result, error):
    arguments = [number(a) for a in arguments]
    if name == "brk":
        return None if arguments[0] == 0 else ("brk", arguments[0], result & WORD, None)
    result = None if error else result & (WORD if name == "shmat" else 0xffffffff)
    if name == "shmget":
        arguments = (signed(arguments[0]), arguments[1], arguments[2] & 0xffffffff)
    elif name == "shmat":
        arguments = (signed(arguments[0]), arguments[1], arguments[2] & 0xffffffff)
    elif name in ("shmctl", "msgctl"):
        arguments = (signed(arguments[0]), signed(arguments[1]) & ~0x100)
    elif name == "semctl":
        arguments = (signed(arguments[0]), signed(arguments[1]), signed(arguments[2]) & ~0x100)
    elif name == "semget":
        arguments = (signed(arguments[0]), signed(arguments[1]), arguments[2] & 0xffffffff)
    elif name == "msgget":
        arguments = (signed(arguments[0]), arguments[1] & 0xffffffff)
    elif name in OPERATIONS:
        name, arguments = one_name(name), (signed(arguments[0]),)
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
    """
    tid -> its calls, in order; of `command`, from its first exec on: before, it was memshim. And name -> how often each of
    OPERATIONS was called.
    """
    calls, counts = collections.defaultdict(list), collections.Counter()
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
        call = _call(found[1], arguments[: COMPARED.get(found[1], 3)], number(found[3]), found[4])
        if found[1] in OPERATIONS:
            counts[one_name(found[1])] += 1
        if call and (found[1] not in OPERATIONS or (found[4] and found[4] not in ANSWERS)):
            calls[tid].append(call)
    return calls, counts


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
    elif event["call"] in ("shmctl", "msgctl"):
        values = (arguments["shmid" if event["call"] == "shmctl" else "msqid"], arguments["cmd_raw"] & ~0x100)
    elif event["call"] == "semctl":
        values = (arguments["semid"], arguments["semnum"], arguments["cmd_raw"] & ~0x100)
    elif event["call"] == "semget":
        values = (signed(int(arguments["key"], 0)), arguments["nsems"], arguments["flags_raw"])
    elif event["call"] == "msgget":
        values = (signed(int(arguments["key"], 0)), arguments["flags_raw"])
    elif event["call"] in OPERATIONS:
        return (one_name(event["call"]), arguments["semid" if event["call"].startswith("sem") else "msqid"], None, error)
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
    seen, counts = strace_calls(trace, report["session"]["command_pid"])
    logged = event_calls(recording)
    threads = {p.get("host_pid", p["pid"]) for p in report["processes"]} | set(logged)
    for tid in sorted(threads):
        ours, theirs = logged.get(tid, []), seen.get(tid, [])
        for i, (a, b) in enumerate(zip(ours, theirs)):
            assert a == b, f"thread {tid}, call {i}: memshim {a}, strace {b}"
        assert len(ours) == len(theirs), (
            f"thread {tid}: {len(ours)} events, {len(theirs)} calls: "
            f"{(ours[len(theirs):] + theirs[len(ours):])[:3]}")
    totals = collections.Counter()
    for process in report["processes"]:
        for name in OPERATIONS:
            totals[one_name(name)] += sum(process["calls"][name].values())
    assert +totals == +counts
    return sum(len(calls) for calls in logged.values()) + sum(counts.values())


def watch(*command, options=(), **rest):
    """Runs a command under both; returns (recording, how many calls they agree on)."""
    harness.need("strace")
    trace = os.path.abspath("strace.out")
    recording = harness.record(*command, options=options, before=(*TRACE, "-o", trace), **rest)
    harness.complete(recording.report())
    return recording, compare(recording, trace)


