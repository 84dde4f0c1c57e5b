"""Which processes a signal reaches, and whether they are the run's own."""

import os
from pathlib import Path

SIGNALS = ("os.kill", "os.killpg")  # audit events: (process or group, signal)


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


def is_below(process: int, ancestor: int) -> bool:
    """Whether a process is `ancestor` itself, or was started by it or by one below it."""
    while process > 1 and process != ancestor:
        process = int((_status(process) or ["", "0"])[1])
    return process == ancestor


def _status(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat behind the name: state, parent, group …; none where there is no such."""
    try:
        return Path("/proc", str(process), "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _numbers() -> list[int]:
    return [int(entry) for entry in os.listdir("/proc") if entry.isdecimal()]
