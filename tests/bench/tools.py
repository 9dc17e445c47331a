# SPDX-License-Identifier: MIT
"""
The tools side by side: each runs a benchmark program and returns the line of JSON it printed. A tool that cannot work
here says why in `missing`, and its column stays empty.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

RUN_TIMEOUT_S = 300
READY_TIMEOUT_S = 20
LOG_BYTES = 16 << 20  # memshim's log by default
EVENT_BYTES = 64
NOBODY = 65534
SHARED_MEMORY = pathlib.Path("/dev/shm")

# An event's first lap through the log touches fresh pages; what is measured comes after it.
LAP = int(LOG_BYTES / EVENT_BYTES / (os.cpu_count() or 1) * 1.1)


class Bench:
    """The places of a run: the build, a folder for files, a folder in memory, a CPU."""

    def __init__(self, build, files, memory, cpus):
        self.build = build
        self.files = files
        self.memory = memory
        self.cpu = cpus[-1]
        self.other_cpu = cpus[-2] if len(cpus) > 1 else None
        self.environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("MEMSHIM_", "LD_", "LTTNG_"))
        }

    def program(self, name):
        return str(self.build / "bench" / name)


class Tool:
    """A column. The base class runs the program without any tool."""

    name = "native"
    title = "native"
    warm_calls = 2000
    pairs = 1000
    spawns = 60
    whole = False  # the bare calls are watched too: only whole times can be compared
    beside = True  # two processes at once make sense
    judged = False  # memshim itself: compared with the targets
    anonymous = False  # records mappings: measured with calls that map memory

    def __init__(self):
        self.missing = None

    def start(self, bench):
        """Prepares the tool; sets `missing` where that is not possible."""
        self.bench = bench

    def stop(self):
        pass

    def command(self, argv):
        return argv

    def environment(self):
        return {}

    def run(self, *argv):
        command = self.command([str(word) for word in argv])
        done = subprocess.run(
            command, env={**self.bench.environment, **self.environment()}, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=RUN_TIMEOUT_S)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(command)}: exit status {done.returncode}")
        result = json.loads(done.stdout)
        if not result["traced"]:
            sys.exit(f"bench: {self.name}: it is not recording")
        return result


class Null(Tool):
    """A library that intercepts the calls and passes them on."""

    name = title = "null"

    def environment(self):
        return {"LD_PRELOAD": str(self.bench.build / "tests" / "libnull.so")}


class Floor(Tool):
    """The least work of any recorder: see libfloor.c. memshim's cost is compared with it."""

    name = title = "floor"
    warm_calls = LAP * (os.cpu_count() or 1)  # it has one ring, where memshim has one for each CPU

    def environment(self):
        return {"LD_PRELOAD": self.bench.program("libfloor.so")}


class Memshim(Tool):
    """`memshim record`, as a user runs it."""

    warm_calls = LAP
    judged = True

    def __init__(self, options, floor_share, floor_ns=0):
        """An event may cost `floor_share` times the floor's, or `floor_ns` more than it."""
        super().__init__()
        self.options = options
        self.name = self.title = " ".join(["memshim", *options])
        self.anonymous = "-a" in options
        self.floor_share = floor_share
        self.floor_ns = floor_ns

    def start(self, bench):
        super().start(bench)
        self.run(bench.program("calls"), "sbrk", 1, 1000, bench.cpu)
        seen = json.loads(subprocess.run(
            [bench.build / "bin" / "memshim", "report", "--json", self.recording()], check=True,
            env={**bench.environment, **self.environment()}, stdout=subprocess.PIPE).stdout)
        if seen["coverage"]["level"] != "full" or seen["coverage"]["events"] < 1000:
            sys.exit(f"bench: {self.name}: it is not recording")

    def recording(self):
        return str(self.bench.files / "calls.data")

    def command(self, argv):
        for old in self.bench.files.glob("calls.data*"):
            old.unlink()
        return [str(self.bench.build / "bin" / "memshim"), "record", "-q", *self.options,
                "-o", self.recording(), "--", *argv]

    def environment(self):
        return {"MEMSHIM_DIR": str(self.bench.memory / "live")}


class Fprintf(Tool):
    """A shim as people write it themselves."""

    name = title = "fprintf"

    def environment(self):
        return {"LD_PRELOAD": self.bench.program("libfprintf.so"),
                "BENCH_LOG": str(self.bench.files / "fprintf.log")}

    def run(self, *argv):
        result = super().run(*argv)
        (self.bench.files / "fprintf.log").unlink()
        return result


class Strace(Tool):
    """strace in its fastest form: only these calls, filtered in the kernel, tracer and tracee on one CPU."""

    name = title = "strace"
    warm_calls = 0
    pairs = 6
    spawns = 20
    whole = True
    beside = False

    def start(self, bench):
        super().start(bench)
        for program in ("strace", "taskset"):
            if not shutil.which(program):
                self.missing = f"{program} is not installed"

    def command(self, argv):
        return ["taskset", "-c", str(self.bench.cpu), "strace", "-f", "--seccomp-bpf", "-o",
                "/dev/null", "-e", "trace=brk,shmget,shmat,shmdt,shmctl,semget,semctl,semop,semtimedop,msgsnd,msgrcv", *argv]


class Lttng(Tool):
    """
    LTTng-UST with its own session daemon. The session is a flight recorder, a ring that overwrites, because that
    costs the program least. root's session daemon would be the machine's, so root runs all of this as another user.
    """

    name = title = "lttng"
    warm_calls = LAP
    spawns = 8

    def start(self, bench):
        super().start(bench)
        self.daemon = None
        self.home = bench.memory / "lttng"
        if not pathlib.Path(bench.program("liblttng.so")).exists():
            self.missing = "liblttng-ust-dev is not installed"
        elif not shutil.which("lttng-sessiond") or not shutil.which("lttng"):
            self.missing = "lttng-tools is not installed"
        elif subprocess.run(self.as_user(["test", "-r", bench.program("liblttng.so")]),
                            check=False).returncode != 0:
            self.missing = f"uid {self.uid()} cannot read {bench.build}"
        if self.missing:
            return
        self.wait_files = set(SHARED_MEMORY.glob("lttng-ust-wait-*"))
        self.home.mkdir()
        os.chown(self.home, self.uid(), -1)
        if not self.start_daemon():
            self.missing = "its session daemon does not start"
            return
        for words in (["create", "bench", "--snapshot", f"--output={self.home}/out"],
                      ["enable-event", "--userspace", "--session=bench", "memshim_bench:*"],
                      ["start", "bench"]):
            self.control(*words)

    @staticmethod
    def uid():
        return os.geteuid() or NOBODY

    def start_daemon(self):
        self.daemon = subprocess.Popen(
            self.as_user(["lttng-sessiond", "--no-kernel"]),
            env={**self.bench.environment, **self.environment()}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + READY_TIMEOUT_S
        while self.daemon.poll() is None and time.monotonic() < give_up:
            if self.control("list", check=False).returncode == 0:
                return True
            time.sleep(0.05)
        return False

    def control(self, *words, check=True):
        return subprocess.run(
            self.as_user(["lttng", "--no-sessiond", *words]), check=check,
            env={**self.bench.environment, **self.environment()}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=None if check else subprocess.DEVNULL)

    def stop(self):
        if not self.daemon:
            return
        if not self.missing:
            self.control("destroy", "bench")
        self.daemon.terminate()
        self.daemon.wait(READY_TIMEOUT_S)
        for made in set(SHARED_MEMORY.glob("lttng-ust-wait-*")) - self.wait_files:
            made.unlink()

    def as_user(self, argv):
        if os.geteuid() != 0:
            return argv
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *argv]

    def command(self, argv):
        """Only the program itself loads the library: LTTng fails in a program that changes its uid."""
        return self.as_user(["env", "LD_PRELOAD=" + self.bench.program("liblttng.so"), *argv])

    def environment(self):
        return {"LTTNG_HOME": str(self.home), "HOME": str(self.home),
                "LTTNG_UST_REGISTER_TIMEOUT": "-1"}
