"""Which processes a signal or a change of settings reaches, and whether they are the run's own."""

import fcntl
import os
import struct
from pathlib import Path

from descend.doctor.sandbox.file_effects import Arguments, Outside
from descend.doctor.sandbox.unaudited import PRIORITY, SCHEDULING

SIGNALS = ("os.kill", "os.killpg")  # audit events: (process or group, signal)
_LIMITS = "resource.prlimit"  # (process, which limit, the new one or None)
SETTINGS = (_LIMITS, *SCHEDULING, PRIORITY)
ASYNCHRONOUS = ("fcntl.fcntl", "fcntl.ioctl")  # (descriptor, command, argument); some name who is sent signals
_OWNER_EX = struct.Struct("ii")  # struct f_owner_ex of fcntl(2): a kind, and a process or a group
_F_SETOWN_EX, _GROUP = 15, 2
_OWNER_COMMANDS = {("fcntl.fcntl", fcntl.F_SETOWN), ("fcntl.ioctl", 0x8901), ("fcntl.ioctl", 0x8902)}  # FIO-, SIOC-


def signalled(keeper: int, event: str, arguments: Arguments) -> Outside | None:
    """Judge a signal. keeper: the process above all of the run's own."""
    target, number = arguments[:2]
    processes = reached(target, is_group=event == "os.killpg")
    if not number or all(is_own(process, keeper) for process in processes) and (processes or has_ended(abs(target))):
        return None
    what = "group" if event == "os.killpg" or target < -1 else "process"
    # one that is not there may be one outside the run's own namespace: the kernel knows neither
    return Outside("signal", f"{what} {abs(target)}", refused_later=not processes)


def signalled_by_descriptor(keeper: int, event: str, arguments: Arguments) -> Outside | None:
    """Judge a signal to the process that a descriptor is open on."""
    lines = Path(f"/proc/self/fdinfo/{arguments[0]}").read_text().splitlines()
    process = next((int(line.removeprefix("Pid:")) for line in lines if line.startswith("Pid:")), -1)
    return signalled(keeper, event, (process, arguments[1])) if process > 0 else None  # it has ended, or is no process


def made_owner(keeper: int, event: str, arguments: Arguments) -> Outside | None:
    """Judge a call that has a process sent a signal whenever something can be read from a descriptor."""
    _, command, argument = arguments[:3]
    if (event, command) == ("fcntl.fcntl", _F_SETOWN_EX):
        kind, number = _OWNER_EX.unpack(argument)
        return signalled(keeper, event, (-number if kind == _GROUP else number, 1)) if number else None
    if (event, command) not in _OWNER_COMMANDS:
        return None
    number = argument if isinstance(argument, int) else int.from_bytes(bytes(argument)[:4], "little", signed=True)
    return signalled(keeper, event, (number, 1)) if number else None


def changed_settings(keeper: int, event: str, arguments: Arguments) -> Outside | None:
    """Judge a change of the limits, processors or priority of a process, of a group, or of all that a user runs."""
    if event == _LIMITS and arguments[2] is None:
        return None  # it reads them
    if event == PRIORITY:
        which, number = arguments[:2]
        if which == os.PRIO_USER:
            return Outside("setting", "the priority of all processes of a user")
        processes = (
            reached(number or os.getpgid(0), is_group=True) if which == os.PRIO_PGRP else [number or os.getpid()]
        )
    else:
        processes = [arguments[0] or os.getpid()]
    others = [process for process in processes if not is_own(process, keeper)]
    return Outside("setting", f"settings of process {others[0]}") if others else None


def reached(target: int, is_group: bool = False) -> list[int]:
    """Return the processes that a signal to `target` would reach, which is what `os.kill` or `os.killpg` takes.

    Zero is the sender's own group, a negative number a group, -1 everybody.
    """
    if target == -1:
        return [pid for pid in _numbers() if pid not in (1, os.getpid())]
    if target <= 0 or is_group:
        group = abs(target) or os.getpgid(0)
        return [pid for pid in _numbers() if _status(pid)[2:3] == [str(group)]]
    return [target] if _status(target) else []


def is_own(process: int, keeper: int) -> bool:
    """Whether a process is one of the run's, which the keeper itself is not: it ends what the run leaves over."""
    return process != keeper and is_below(process, keeper)


def is_below(process: int, ancestor: int) -> bool:
    """Whether a process is `ancestor` itself, or was started by it or by one below it; or has ended meanwhile."""
    above, unread = process, 0
    while above > 1 and above != ancestor:
        status = _status(above)
        if status:
            above = int(status[1])
        elif above == process:
            return True  # a signal reaches nobody any more
        elif above == unread:
            return False
        else:
            above, unread = process, above  # what the ended one had started has another parent now
    return above == ancestor


def has_ended(process: int) -> bool:
    """Whether a number that nobody has now was given in this process's own namespace, which gives them in order."""
    last = Path("/proc/loadavg").read_text().split()[-1]  # proc(5): the number of the process started last
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError) and process <= int(last)
    return False


def _status(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat behind the name: state, parent, group …; none where there is no such."""
    try:
        return Path("/proc", str(process), "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _numbers() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdecimal()]
