# SPDX-License-Identifier: MIT
"""
strace and memshim observe real programs that use semaphore sets and message queues: they agree about every call that
makes, changes or removes one, and about the number of all operations.
"""

import os
import socket

import pytest

import harness
import machine
import second_observer
from harness import need

PHP = """
$set = sem_get(0x6d650001, 2, 0600, 1); sem_acquire($set); sem_release($set);
if (!sem_acquire($set) || !sem_acquire($set, true) || sem_acquire($set, true)) exit(1);
$queue = msg_get_queue(0x6d650002, 0600);
for ($i = 1; $i <= 20; $i++) msg_send($queue, $i, [$i => 'text'], true, $i % 2 == 0);
for ($i = 20; $i > 0; $i--) if (!msg_receive($queue, $i, $type, 100, $text) || $text != [$i => 'text']) exit(2);
msg_receive($queue, 0, $type, 100, $text, true, MSG_IPC_NOWAIT);
msg_set_queue($queue, ['msg_perm.mode' => 0640]); print_r(msg_stat_queue($queue)['msg_perm.mode'] == 0640);
msg_remove_queue($queue); sem_remove($set);
"""

PERL = r"""
use IPC::SysV qw(:all); use IPC::Semaphore; use IPC::Msg;
my $set = IPC::Semaphore->new(IPC_PRIVATE, 4, S_IRUSR | S_IWUSR | IPC_CREAT) or die;
$set->setall(1, 2, 3, 4); $set->setval(2, 9); ($set->getall)[2] == 9 or die; $set->stat->nsems == 4 or die;
$set->getncnt(0) == 0 && $set->getzcnt(0) == 0 && defined $set->getpid(0) or die;
$set->op(0, -1, 0, 1, -1, SEM_UNDO); $set->op(0, -1, IPC_NOWAIT) and die;
if (!(my $child = fork)) { $set->op(0, -1, 0); exit } # waits for the parent
$set->op(0, 1, 0); wait; $set->set(mode => 0640); $set->remove; $set->op(0, 1, 0) and die;
my $queue = IPC::Msg->new(IPC_PRIVATE, S_IRUSR | S_IWUSR) or die;
$queue->snd($_, "text $_") for 1 .. 5; $queue->rcv(my $text, 100, $_) == $_ or die for 2 .. 5;
if (!fork) { $queue->rcv(my $all, 100, 7); exit($all ne "seven") } $queue->snd(7, "seven"); wait; $? and die;
$queue->stat->qnum == 1 or die; $queue->rcv(my $none, 10, 8, IPC_NOWAIT) and die; $queue->remove;
defined semget(0x6d650003, 1, 0) and die; defined msgget(0x6d650003, 0) and die;
"""

SHAREABLE = r"""
use IPC::Shareable;
tie my %h, "IPC::Shareable", {key => 0x6d650004, create => 1, mode => 0600, destroy => 1} or die;
my @children = map { my $n = $_; fork // die or do { tied(%h)->lock; $h{$n} = $n; tied(%h)->unlock; exit } } 1 .. 4;
waitpid $_, 0 for @children; keys %h == 4 or die; tied(%h)->remove;
"""

PYTHON = """
import sysv_ipc as s, threading
queue, answers = s.MessageQueue(None, s.IPC_CREX), s.MessageQueue(None, s.IPC_CREX)
ready = s.Semaphore(None, s.IPC_CREX, initial_value=0)
def work():
    for n in range(30):
        text, kind = queue.receive(type=1)
        answers.send(text, type=2)
        ready.release()
threads = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in threads]
for n in range(120):
    queue.send(b"text", type=1)
    ready.acquire()
    answers.receive(type=2)
[t.join() for t in threads]
for wrong in (lambda: ready.acquire(0), lambda: answers.receive(block=False), lambda: s.Semaphore(0x6d650005)):
    try:
        wrong()
    except (s.BusyError, s.ExistentialError):
        continue
    raise SystemExit(1)
ready.value = 3; ready.P(); ready.Z if ready.value else None
ready.mode = 0o640; queue.mode = 0o640; queue.max_size = 1000
ready.undo = True
with ready: pass
queue.remove(); answers.remove(); ready.remove()
"""

UTILITIES = """
ipcmk -S 3 -Q -p 0640 >made; ipcs -s >/dev/null; ipcs -q -i 0 >/dev/null; ipcs -s -i 0 >/dev/null; ipcs -l >/dev/null
ipcrm -s 0 -q 0; ipcrm -s 0 2>/dev/null && exit 1; ipcrm -Q 0x6d650006 2>/dev/null && exit 1
cat made; ipcmk -S 1 >/dev/null; ipcmk -Q >/dev/null; ipcrm --all
"""


def calls_made(recording):
    """call -> how often, in all processes."""
    return {call: sum(sum(p["calls"][call].values()) for p in recording.report()["processes"]) for call in harness.CALLS}


def operations(recording):
    made = calls_made(recording)
    return {"sem": made["semop"] + made["semtimedop"], "snd": made["msgsnd"], "rcv": made["msgrcv"]}


def ended_well(recording):
    """Every object was removed, and memshim knows it."""
    made = [e for e in recording.calls() if e["call"] in ("semget", "msgget") and not e["errno"]]
    removed = [e for e in recording.calls() if e["call"] in ("semctl", "msgctl") and not e["errno"] and e["args"]["cmd"] == "IPC_RMID"]
    assert {(e["call"][:3], e["ret"]) for e in made} == {(e["call"][:3], e.get("semid", e.get("msqid"))) for e in removed}


def test_php():
    """Its extensions are loaded with RTLD_DEEPBIND: they reach libc's own functions, not the symbols of a preload."""
    need("php")
    recording, _ = second_observer.watch("php", "-r", PHP)
    assert recording.result.stdout == "1"
    assert operations(recording)["snd"] == 20 and operations(recording)["rcv"] == 21
    ended_well(recording)


@pytest.mark.parametrize("script", (PERL, SHAREABLE), ids=("IPC-SysV", "IPC-Shareable"))
def test_perl(script):
    need("perl")
    if script == SHAREABLE and harness.run("perl", "-MIPC::Shareable", "-e", "1").returncode != 0:
        pytest.fail("libipc-shareable-perl: not installed: run scripts/check")
    recording, _ = second_observer.watch("perl", "-e", script)
    assert operations(recording)["sem"] > 4
    ended_well(recording)


def test_python():
    recording, _ = second_observer.watch("/usr/bin/python3", "-c", PYTHON)
    assert operations(recording)["snd"] == 240 and operations(recording)["rcv"] == 241
    ended_well(recording)


def test_utilities():
    need("ipcmk", "ipcrm", "ipcs")
    recording, _ = second_observer.watch("sh", "-c", UTILITIES)
    assert recording.result.stdout.count("id: ") == 2
    ended_well(recording)
    assert {e["errno"] for e in recording.calls() if e["errno"]} >= {"EINVAL"}


@pytest.mark.parametrize("stressor", (("--sem-sysv", "2", "--sem-sysv-ops", "400"), ("--msg", "2", "--msg-ops", "200")),
                         ids=("sem-sysv", "msg"))
def test_stress(stressor):
    need("stress-ng")
    recording, count = second_observer.watch("stress-ng", "-q", *stressor, killed=True)
    assert count > 400 and sum(operations(recording).values()) > 200


def test_fakeroot():
    """The daemon and its clients share two queues and a semaphore set. The daemon exits in its handler of SIGTERM."""
    need("fakeroot-sysv")
    script = "mkdir -p a/b && touch a/b/c && chown -R 12:34 a && stat -c %u:%g a/b/c && tar cf - a | tar tvf - --numeric-owner"
    recording, count = second_observer.watch("fakeroot-sysv", "sh", "-c", script, options=("-w",), killed=True)
    assert recording.result.stdout.startswith("12:34\n") and " 12/34 " in recording.result.stdout
    assert count > 20 and operations(recording)["rcv"] > 10


APACHE = """
import os, signal, subprocess, sys, time, urllib.request
def server():
    started = subprocess.Popen(["apache2", "-f", os.getcwd() + "/httpd.conf", "-D", "FOREGROUND"], start_new_session=True)
    while started.poll() is None:
        try:
            for port in sys.argv[1:] * 5:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/page", timeout=20).read()
            return started
        except OSError:
            time.sleep(0.01)
    sys.exit(f"apache2 ended with {started.returncode}")
for _ in range(2):
    started = server()
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()
"""

APACHE_CONFIGURATION = """
ServerRoot {folder}
ServerName localhost
{listen}
PidFile {folder}/pid
ErrorLog {folder}/log
Mutex sysvsem default
DefaultRuntimeDir {folder}
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
StartServers 3
DocumentRoot {folder}
User www-data
Group www-data
"""


def free_ports(count):
    """Ports of the loopback device that no program uses now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@machine.needs("root")
def test_apache(tmp_path):
    """The server is killed with its children, and started again: each time its semaphore set is left."""
    need("apache2")
    ports = free_ports(2)
    (tmp_path / "page").write_text("text")
    (tmp_path / "httpd.conf").write_text(APACHE_CONFIGURATION.format(
        folder=tmp_path, listen="\n".join(f"Listen 127.0.0.1:{port}" for port in ports)))
    for folder in (tmp_path, *tmp_path.parents):
        if not os.stat(folder).st_mode & 1:
            folder.chmod(0o711)
    recording, count = second_observer.watch("/usr/bin/python3", "-c", APACHE, *ports, options=("-w",), killed=True)
    assert count > 20
    made = [e["ret"] for e in recording.calls() if e["call"] == "semget"]
    removed = [e["semid"] for e in recording.calls("--call=semctl") if e["args"]["cmd"] == "IPC_RMID"]
    with open("/proc/sysvipc/sem", encoding="ascii") as table:
        left = {int(line.split()[1]) for line in table.readlines()[1:]}
    assert left == set(made) - set(removed) and len(left) == 2
