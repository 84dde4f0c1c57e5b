"""Judge signals and changes of process settings: they may only reach processes of the run itself."""

import fcntl
import os
import struct
from pathlib import Path

from descend.doctor.sandbox.file_effects import Arguments, OutsideEffect
from descend.doctor.sandbox.unaudited import PRIORITY, SCHEDULING

SIGNALS = ("os.kill", "os.killpg")  # audit events whose arguments are (process or group, signal)
_LIMITS = "resource.prlimit"  # audit event whose arguments are (process, limit, new value or None)
SETTINGS = (_LIMITS, *SCHEDULING, PRIORITY)
ASYNCHRONOUS = ("fcntl.fcntl", "fcntl.ioctl")  # audit events whose arguments are (descriptor, command, argument)
_OWNER_EX = struct.Struct("ii")  # the C structure f_owner_ex of fcntl(2): a kind, and the id of a process or group
_F_SETOWN_EX, _GROUP = 15, 2
_OWNER_COMMANDS = {
    ("fcntl.fcntl", fcntl.F_SETOWN),
    ("fcntl.ioctl", 0x8901),
    ("fcntl.ioctl", 0x8902),
}  # also FIOSETOWN, SIOCSPGRP


def judge_signal(keeper: int, event: str, arguments: Arguments) -> OutsideEffect | None:
    """Return the effect to report if a signal reaches a process outside the run, otherwise None.

    keeper: the ancestor of all processes of the run.
    """
    target, number = arguments[:2]
    processes = processes_reached(target, is_group=event == "os.killpg")
    if not number or all(is_in_run(process, keeper) for process in processes) and (processes or has_ended(abs(target))):
        return None
    what = "group" if event == "os.killpg" or target < -1 else "process"
    # A missing process may be outside the run's namespace. The kernel refuses a signal in both cases.
    return OutsideEffect("signal", f"{what} {abs(target)}", refused_later=not processes)


def judge_signal_by_descriptor(keeper: int, event: str, arguments: Arguments) -> OutsideEffect | None:
    """Return the effect to report if a signal to a process descriptor (pidfd) leaves the run, otherwise None."""
    lines = Path(f"/proc/self/fdinfo/{arguments[0]}").read_text().splitlines()
    process = next((int(line.removeprefix("Pid:")) for line in lines if line.startswith("Pid:")), -1)
    # If there is no positive id, the process has ended, or the descriptor is not a pidfd.
    return judge_signal(keeper, event, (process, arguments[1])) if process > 0 else None


def judge_signal_owner(keeper: int, event: str, arguments: Arguments) -> OutsideEffect | None:
    """Return the effect to report if the kernel would send later signals to a process outside the run, or None."""
    _, command, argument = arguments[:3]
    if (event, command) == ("fcntl.fcntl", _F_SETOWN_EX):
        kind, number = _OWNER_EX.unpack(argument)
        return judge_signal(keeper, event, (-number if kind == _GROUP else number, 1)) if number else None
    if (event, command) not in _OWNER_COMMANDS:
        return None
    number = argument if isinstance(argument, int) else int.from_bytes(bytes(argument)[:4], "little", signed=True)
    return judge_signal(keeper, event, (number, 1)) if number else None


def judge_settings(keeper: int, event: str, arguments: Arguments) -> OutsideEffect | None:
    """Return the effect to report if a call changes limits, CPUs or priority of a process outside the run, or None."""
    if event == _LIMITS and arguments[2] is None:
        return None  # the call reads the limits without changing them
    if event == PRIORITY:
        which, number = arguments[:2]
        if which == os.PRIO_USER:
            return OutsideEffect("setting", "the priority of all processes of a user")
        processes = (
            processes_reached(number or os.getpgid(0), is_group=True)
            if which == os.PRIO_PGRP
            else [number or os.getpid()]
        )
    else:
        processes = [arguments[0] or os.getpid()]
    others = [process for process in processes if not is_in_run(process, keeper)]
    return OutsideEffect("setting", f"settings of process {others[0]}") if others else None


def processes_reached(target: int, is_group: bool = False) -> list[int]:
    """Return the ids of the processes that a signal to `target` would reach, as `os.kill` or `os.killpg` defines it.

    Zero is the sender's own group, a negative number a group, -1 all processes.
    """
    if target == -1:
        return [pid for pid in _process_ids() if pid not in (1, os.getpid())]
    if target <= 0 or is_group:
        group = abs(target) or os.getpgid(0)
        return [pid for pid in _process_ids() if _read_status(pid)[2:3] == [str(group)]]
    return [target] if _read_status(target) else []


def is_in_run(process: int, keeper: int) -> bool:
    """Return whether a process belongs to the run. The keeper process, which ends the run, does not belong to it."""
    return process != keeper and is_descendant(process, keeper)


def is_descendant(process: int, ancestor: int) -> bool:
    """Return whether a process is `ancestor` itself or one of its descendants; True if the process has ended."""
    above, unread = process, 0
    while above > 1 and above != ancestor:
        status = _read_status(above)
        if status:
            above = int(status[1])
        elif above == process:
            return True  # the process has ended, so a signal has no effect
        elif above == unread:
            return False
        else:
            above, unread = process, above  # the parent has ended in the meantime, so search again from the new parent
    return above == ancestor


def has_ended(process: int) -> bool:
    """Return whether a process with this id existed in this namespace and has ended. Ids are assigned in order."""
    last = Path("/proc/loadavg").read_text().split()[-1]  # the id of the latest process, see proc(5)
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError) and process <= int(last)
    return False


def _read_status(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name: state, parent, group, …; an empty list if PID has ended."""
    try:
        return Path("/proc", str(process), "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _process_ids() -> list[int]:
    """Return the ids of all processes."""
    return [int(entry) for entry in os.listdir("/proc") if entry.isdecimal()]
