"""What a run does to its keeper, without any training: it ends when the run does, and reports how it really ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import comes

from .world import levels, named, skip_unless_reached

PROGRAM = """
import ctypes, os, signal, sys, time
from descend.doctor.execution import keeper
level, top, action, name = sys.argv[1:5]
libc = ctypes.CDLL(None, use_errno=True)
if "without-landlock" in sys.argv:
    keeper.restrict_writes = lambda allowed: False
def stops():
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGSTOP)
def says_that_it_was_not_confined():
    os._exit(96)
def dies_by_the_keepers_signal():
    os.kill(os.getpid(), signal.SIGRTMAX)
def opens_the_keepers_descriptors():
    found = [libc.open(f"/proc/{os.getppid()}/fd/{number}".encode(), os.O_WRONLY) for number in range(64)]
    os._exit(1 if max(found) >= 0 else 4)
def changes_the_keepers_memory():
    os._exit(1 if libc.open(f"/proc/{os.getppid()}/mem".encode(), os.O_RDWR) >= 0 else 4)
def has_threads_before_it_is_confined():
    os._exit(4 if os.listdir("/proc/self/task") == [str(os.getpid())] else 1)
def can_gain_privileges():
    with open("/proc/self/status") as lines:
        os._exit(4 if any(line.split() == ["NoNewPrivs:", "1"] for line in lines) else 1)
def has_further_descriptors():
    os._exit(4 if len(os.listdir("/proc/self/fd")) <= 4 else 1)  # the three, and that of the folder
def leaves_a_daemon():
    if os.fork() == 0:
        os.setsid()
        libc.prctl(15, name.encode())
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        time.sleep(60)
def leaves_a_stopped_one():
    if os.fork() == 0:
        os.setsid()
        libc.prctl(15, name.encode())
        os.kill(os.getpid(), signal.SIGSTOP)
def leaves_one_that_goes_on_in_others():
    if os.fork() == 0:
        os.setsid()
        until = time.monotonic() + 30
        while time.monotonic() < until:
            libc.prctl(15, name.encode())
            if os.fork():
                os._exit(0)
    time.sleep(0.2)
def leaves_many():
    for _ in range(40):
        if os.fork() == 0:
            os.setpgid(0, 0)
            libc.prctl(15, name.encode())
            time.sleep(60)
def begin():
    globals()[action]()
    os._exit(4)
os._exit(keeper.keep_run(begin, keeper.Confinement(level, (top,)), os.getppid()) & 0xFF)
"""
ENDED = {  # what the run does -> the keeper's status, if it is another one than 4
    "stops": 4,
    "says_that_it_was_not_confined": 96,
    "dies_by_the_keepers_signal": -(signal.SIGRTMAX - 1) & 0xFF,  # not the one that means: not confined
    "opens_the_keepers_descriptors": 4,
    "changes_the_keepers_memory": 4,
    "has_threads_before_it_is_confined": 4,
    "can_gain_privileges": 4,
    "has_further_descriptors": 4,
    "leaves_a_daemon": 4,
    "leaves_a_stopped_one": 4,
    "leaves_one_that_goes_on_in_others": 4,
    "leaves_many": 4,
}
ON_THE_KEEPER = ("opens_the_keepers_descriptors", "changes_the_keepers_memory")


def kept(folder: Path, level: str, action: str, *options: str) -> int:
    name = f"kpt{os.getpid()}"
    command = [sys.executable, "-c", PROGRAM, level, str(folder), action, name, *options]
    status = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=300).returncode
    assert comes(lambda: not named(name))
    return status


@levels
@pytest.mark.parametrize("action", list(ENDED))
def test_a_run_ends_as_it_ends_and_leaves_nothing(tmp_path, level, action):
    skip_unless_reached(level)
    if level == "hooks" and action in ON_THE_KEEPER and os.geteuid():
        pytest.skip("announced: changes of other processes' memory")
    assert kept(tmp_path, level, action) == ENDED[action]


@pytest.mark.parametrize("action", ON_THE_KEEPER)
def test_the_first_process_of_a_namespace_is_closed_where_there_is_no_landlock(tmp_path, action):
    skip_unless_reached("namespaces")
    assert kept(tmp_path, "namespaces", action, "without-landlock") == 4
