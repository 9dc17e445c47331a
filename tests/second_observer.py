# SPDX-License-Identifier: MIT
"""
strace's record of a run and memshim's, in one form and compared thread by thread. A call is (name, arguments, result,
errno). A call that only asks for the break (brk(0)) is counted by memshim, not logged, so neither record has it.
Operations on semaphore sets and queues are counted: their counts are compared process by process. Both records have
those that failed, except with EAGAIN and EINTR.
"""

import collections
import os
import re

import harness

LOGGED = ("brk", "shmget", "shmat", "shmdt", "shmctl", "semget", "semctl", "msgget", "msgctl")
# libc makes semop(3) from semtimedop(2).
COUNTED = {"semop": "semop", "semtimedop": "semop", "msgsnd": "msgsnd", "msgrcv": "msgrcv"}
TRACE = ("strace", "-f", "-X", "raw", "-s", "0", "-e", f"trace={','.join((*LOGGED, *COUNTED))},execve", "-e", "signal=none")
ARGUMENTS = {"shmctl": 2, "msgctl": 2, "msgget": 2, **dict.fromkeys(COUNTED, 1)}  # that are compared; of all others three
ANSWERS = ("EAGAIN", "EINTR")
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
    elif name in ("shmctl", "semctl", "msgctl"):
        arguments = (*map(signed, arguments[:-1]), signed(arguments[-1]) & ~0x100)
    elif name == "semget":
        arguments = (signed(arguments[0]), signed(arguments[1]), arguments[2] & 0xffffffff)
    elif name == "msgget":
        arguments = (signed(arguments[0]), arguments[1] & 0xffffffff)
    elif name in COUNTED:
        name, arguments = COUNTED[name], (signed(arguments[0]),)
    return (name, *arguments, result, error)


# "= ?": the call did not return, or a signal interrupted msgrcv, and what the program gets is not known.
LINE = re.compile(r"(\w+)\((.*?)\)\s+= (-?\w+|\?)(?: (E\w+))?")
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
    for tid, text in begun.items():
        yield tid, text + ") = ?"


def _strace_found(path, command):
    """(tid, match) of each call that is watched; of `command`, from its first exec on: before, it was memshim."""
    is_ours = True
    for tid, text in _lines(path):
        found = LINE.match(STRUCT.sub("0", text))
        if not found or found[1].startswith("syscall_"):  # unknown ones pass strace's filter
            continue
        if is_ours and tid == command:
            is_ours = (found[1], found[3]) != ("execve", "0")
        elif found[1] != "execve":
            yield tid, found


def strace_calls(path, command):
    """tid -> its calls that memshim logs, in order."""
    calls = collections.defaultdict(list)
    for tid, found in _strace_found(path, command):
        if found[3] == "?" or found[1] in COUNTED and found[4] in (None, *ANSWERS):
            continue
        arguments = [a.strip() for a in found[2].split(",")]
        call = _call(found[1], arguments[:ARGUMENTS.get(found[1], 3)], number(found[3]), found[4])
        if call:
            calls[tid].append(call)
    return calls


def strace_counts(path, command):
    """tid -> how often each operation was successful, failed, or may not have returned."""
    counts = collections.defaultdict(collections.Counter)
    for tid, found in _strace_found(path, command):
        if found[1] in COUNTED or found[3] == "?":
            outcome = "open" if found[3] == "?" else "failed" if found[4] else "ok"
            counts[tid][COUNTED.get(found[1], found[1]), outcome] += 1
    return counts


def _key(arguments):
    return signed(int(str(arguments["key"]), 0))


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
        values = (_key(arguments), arguments["size"], arguments["flags_raw"])
    elif event["call"] == "shmat":
        values = (arguments["shmid"], int(arguments["addr"] or "0", 16), arguments["flags_raw"])
    elif event["call"] == "shmctl":
        values = (arguments["shmid"], arguments["cmd_raw"] & ~0x100)
    elif event["call"] == "semget":
        values = (_key(arguments), arguments["nsems"], arguments["flags_raw"])
    elif event["call"] == "semctl":
        values = (arguments["semid"], arguments["semnum"], arguments["cmd_raw"] & ~0x100)
    elif event["call"] == "msgget":
        values = (_key(arguments), arguments["flags_raw"])
    elif event["call"] == "msgctl":
        values = (arguments["msqid"], arguments["cmd_raw"] & ~0x100)
    elif event["call"] in COUNTED:
        return (COUNTED[event["call"]], arguments["semid" if event["call"].startswith("sem") else "msqid"], None, error)
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


def report_counts(processes):
    """How often each operation was successful, and failed, in these processes of a report."""
    counts = collections.Counter()
    for process in processes:
        for call, of in COUNTED.items():
            for outcome, count in process["calls"][call].items():
                counts[of, outcome] += count
    return +counts


def missing_operations(report, counts, killed):
    """
    Asserts that both count the same operations: in each process whose threads are known, and in all together. strace
    does not tell which process a thread belongs to. Returns how many memshim did not see return.
    """
    ours, theirs = report_counts(report["processes"]), sum(counts.values(), collections.Counter())
    told = f"memshim {dict(ours)}, strace {dict(theirs)}, in flight {report['coverage']['in_flight']}"
    returned = +collections.Counter({key: count for key, count in theirs.items() if key[1] != "open"})
    if killed:
        assert ours <= returned, told
    else:
        assert all(ours[call, "ok"] == theirs[call, "ok"] for call in COUNTED.values()), told
    pids = {p.get("host_pid", p["pid"]) for p in report["processes"]}
    if set(counts) <= pids and theirs == returned and not killed:
        for pid in pids:
            own = report_counts(p for p in report["processes"] if p.get("host_pid", p["pid"]) == pid)
            assert own == counts[pid], f"process {pid}: {dict(own)}, {dict(counts[pid])}; {told}"
    return sum(theirs.values()) - sum(ours.values())


def missing_events(tid, ours, theirs, killed):
    """
    Asserts that both saw the same calls of a thread. Returns how many memshim did not see return; missing_operations counts
    operations.
    """
    for i, (a, b) in enumerate(zip(ours, theirs)):
        assert a == b, f"thread {tid}, call {i}: memshim {a}, strace {b}"
    missing = len(theirs) - len(ours)
    assert missing == 0 or missing == 1 and killed, (
        f"thread {tid}: {len(ours)} events, {len(theirs)} calls: {(ours[len(theirs):] + theirs[len(ours):])[:3]}")
    return sum(call[0] not in COUNTED.values() for call in theirs[len(ours):])


def compare(recording, trace, killed=False):
    """
    Asserts that both observers agree about every thread that memshim knows; returns how many calls they saw. `killed`:
    processes were killed, each perhaps just before or after a system call that memshim shows as in flight.
    """
    report = recording.report()
    command = report["session"]["command_pid"]
    seen, counts = strace_calls(trace, command), strace_counts(trace, command)
    logged = event_calls(recording)
    threads = {p.get("host_pid", p["pid"]) for p in report["processes"]} | set(logged)
    missing = sum(missing_events(tid, logged.get(tid, []), seen.get(tid, []), killed) for tid in sorted(threads))
    missing += missing_operations(report, counts, killed)
    # Waits are not in flight: they stand with their objects.
    begun = report["coverage"]["in_flight"] + sum(len(o["waiting"]) for o in report["semaphores"] + report["queues"])
    # A killed process may have neither: its operation had returned, and was not counted yet.
    assert missing == begun or killed and missing <= begun + len(report["processes"]), (missing, report["coverage"])
    return sum(map(len, logged.values())) + sum(report_counts(report["processes"]).values())


def watch(*command, options=(), killed=False, **rest):
    """Runs a command under both; returns (recording, how many calls they agree on). `killed` as in compare."""
    harness.need("strace")
    trace = os.path.abspath("strace.out")
    recording = harness.record(*command, options=options, before=(*TRACE, "-o", trace), **rest)
    report = recording.report()
    harness.complete(report, report["coverage"]["in_flight"])  # compare() checks it
    return recording, compare(recording, trace, killed)


