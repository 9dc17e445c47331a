# SPDX-License-Identifier: MIT
"""Five recordings of ordinary programs, for the tests of a report's first screen."""

import glob
import os
import shutil
import subprocess
import sys
import tempfile

import harness
from harness import MEMSHIM, Lines, record

LEAKS = r"""
#include <sys/ipc.h>
#include <sys/shm.h>
static int new_buffer(int bytes) { return shmget(IPC_PRIVATE, bytes, IPC_CREAT | 0600); }
int main(void)
{
    for (int i = 0; i < 500; i++)
        if (new_buffer(4096 * (1 + i % 4)) < 0)
            return 1;
    return 0;
}
"""

FAILING = r"""
#include <sys/ipc.h>
#include <sys/shm.h>
static int open_table(int key, int bytes) { return shmget(key, bytes, IPC_CREAT | 0600); }
static int attach(int id) { return shmat(id, 0, 0) == (void *)-1; }
int main(void)
{
    int made = open_table(0x6d656d71, 65536), failed = 0;
    for (int i = 0; i < 4; i++)
        failed += open_table(i < 3 ? 0x6d656d72 : 0x6d656d71, i < 3 ? 0 : 1 << 20) < 0;
    shmctl(made, IPC_RMID, 0);
    failed += attach(made);
    return failed == 5 ? 0 : 1;
}
"""

# A program that waits most of its time, and keeps 4 MiB/s.
GROWING = """
import os, time
cache = {}
def cache_insert(number):
    cache[number] = bytes(100000)
begun, number = time.monotonic(), 0
while time.monotonic() < begun + 3.5:
    number += 1
    cache_insert(number)
    time.sleep(0.02)
os._exit(0)
"""

BUILD = """
for unit in $(seq 1 64); do
    echo "int f$unit(void) { return $unit; }" > unit$unit.c
    gcc -O1 -c unit$unit.c || exit 1
done
echo 'int main(void) { return 0; }' > main.c
gcc main.c unit*.o -o built
"""

AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
SETTINGS = {
    "shared_memory_type": "sysv", "dynamic_shared_memory_type": "sysv", "shared_buffers": "4MB", "listen_addresses": "",
    "fsync": "off", "autovacuum": "off", "max_logical_replication_workers": 0, "max_connections": 20,
}


def leaks(compile_c):
    record("./" + os.path.basename(compile_c("seg500", LEAKS, "-g", "-O0")), options=("-q", "--sample=0"))


def failing(compile_c):
    record("./" + os.path.basename(compile_c("fail", FAILING, "-g", "-O0")), options=("-q", "--sample=0"))


def build(_):
    with open("build.sh", "w", encoding="ascii") as script:
        script.write(BUILD)
    record("sh", "build.sh", options=("-q", "-w"))


def growing(_):
    with open("grow.py", "w", encoding="ascii") as script:
        script.write(GROWING)
    record(sys.executable, "grow.py", options=("-q",), stderr=subprocess.DEVNULL)


def database(_):
    """PostgreSQL under a short pgbench. It refuses to run as root, so it runs as the user postgres."""
    tools = os.path.dirname(sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))[-1])
    settings = [word for key, value in SETTINGS.items() for word in ("-c", f"{key}={value}")]
    with tempfile.TemporaryDirectory(prefix="memshim-postgres-", ignore_cleanup_errors=True) as folder:
        for owned in (folder, os.environ["MEMSHIM_DIR"]):
            shutil.chown(owned, "postgres", "postgres")
        done = harness.run(*AS_POSTGRES, f"{tools}/initdb", "-A", "trust", "--no-sync", "-D", f"{folder}/data", cwd=folder)
        assert done.returncode == 0, done.stderr
        with Lines(*AS_POSTGRES, MEMSHIM, "record", "-q", "-w", "-o", f"{folder}/memshim.data", "--", f"{tools}/postgres",
                   "-D", f"{folder}/data", "-k", folder, *settings, cwd=folder, stderr=subprocess.STDOUT, patience=240) as lines:
            lines.wait_for("ready to accept connections")
            for words in (("-i", "-q", "postgres"), ("-c", "4", "-t", "20", "postgres")):
                done = harness.run(f"{tools}/pgbench", "-h", folder, "-U", "postgres", *words)
                assert done.returncode == 0, done.stderr
            harness.run(*AS_POSTGRES, f"{tools}/pg_ctl", "-D", f"{folder}/data", "-m", "fast", "stop", cwd=folder)
            lines.process.wait(240)
        shutil.copy(f"{folder}/memshim.data", "memshim.data")


ALL = {"leaks": leaks, "build": build, "growing": growing, "database": database, "failing": failing}
