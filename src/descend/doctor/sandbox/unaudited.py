"""Calls of the standard library that change something and raise no audit event: they are wrapped to raise one.

Python audits `os.mkdir` and not `os.mknod`, `subprocess.Popen` and not what it calls in the end.
"""

import functools
import importlib
import inspect
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

Function = Callable[..., Any]
STARTS_PROGRAM = "_posixsubprocess.fork_exec"
SCHEDULING = ("os.sched_setaffinity", "os.sched_setscheduler", "os.sched_setparam")  # a process, 0 for the caller
PRIORITY = "os.setpriority"  # whose, the process, group or user, the new one
SIGNALS_BY_DESCRIPTOR = "signal.pidfd_send_signal"  # the descriptor of a process, the signal
OPENS_SHARED_MEMORY = "_posixshmem.shm_open"  # its name, flags
DELETES_SHARED_MEMORY = "_posixshmem.shm_unlink"  # its name
DELETES_SEMAPHORE = "_multiprocessing.sem_unlink"  # its name
DELETED_AT_THE_END = "multiprocessing.resource_tracker.register"  # a name, and the kind of what has it
_CALLS = {
    "os": ("mkfifo", "mknod", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "setpriority"),
    "signal": ("pidfd_send_signal",),
    "_posixsubprocess": ("fork_exec",),
    "_posixshmem": ("shm_open", "shm_unlink"),
    "_multiprocessing": ("sem_unlink",),
    "multiprocessing.resource_tracker": ("register",),
}
_SPAWNERS = ("posix_spawn", "posix_spawnp")
# Modules that hold the same functions under other names, if they have been imported.
_HELD_BY = {
    "os": (("posix", ""),),
    "signal": (("_signal", ""),),
    "_posixsubprocess": (("subprocess", "_"),),
    "_multiprocessing": (("multiprocessing.synchronize", ""),),
}


def audit_them() -> Callable[[], None]:
    """Let each of the calls raise an audit event with the call's name. Return the function that undoes this."""
    undo: list[Callable[[], None]] = []
    for name, functions in _CALLS.items():
        for function in functions:
            _replace_everywhere(name, function, functools.partial(_audited, f"{name}.{function}"), undo)
    for function in _SPAWNERS:
        _replace_everywhere("os", function, _auditing_files, undo)

    def restore() -> None:
        while undo:
            undo.pop()()

    return restore


def _replace_everywhere(
    name: str, function: str, audited: Callable[[Function], Function], undo: list[Callable[[], None]]
) -> None:
    """Replace a function in its module and in those that hold it; not where this system lacks it."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return
    original = getattr(module, function, None)
    if original is None:
        return
    replacement = audited(original)
    _replace(module, function, replacement, undo)
    for holder, prefix in _HELD_BY.get(name, ()):
        held = sys.modules.get(holder)
        if held is not None and getattr(held, prefix + function, None) is original:
            _replace(held, prefix + function, replacement, undo)


def _auditing_files(original: Callable[..., Any]) -> Callable[..., Any]:
    """Let a call that starts a program audit the files that it opens for that program."""

    @functools.wraps(original)
    def call(*arguments: Any, **named: Any) -> Any:
        for action in named.get("file_actions") or ():
            if action[0] == os.POSIX_SPAWN_OPEN:
                sys.audit("open", action[2], None, action[3])
        return original(*arguments, **named)

    return call


def _audited(event: str, original: Callable[..., Any]) -> Callable[..., Any]:
    signature = _signature(original)

    @functools.wraps(original)
    def call(*arguments: Any, **named: Any) -> Any:
        with suppress(TypeError):  # the call itself will say what is wrong with its arguments
            bound = signature.bind(*arguments, **named)
            bound.apply_defaults()
            sys.audit(event, *bound.args, *bound.kwargs.values())
        return original(*arguments, **named)

    return call


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except ValueError:  # written in C without one: it takes its arguments by position
        return inspect.signature(lambda *arguments: None)


def _replace(module: ModuleType, name: str, audited: Callable[..., Any], undo: list[Callable[[], None]]) -> None:
    undo.append(functools.partial(setattr, module, name, getattr(module, name)))
    setattr(module, name, audited)
