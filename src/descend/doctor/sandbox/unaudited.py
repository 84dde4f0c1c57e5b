"""Calls of the standard library that change something and raise no audit event: they are wrapped to raise one.

Python audits `os.mkdir` and not `os.mknod`, `subprocess.Popen` and not what it calls in the end.
"""

import functools
import importlib
import inspect
import sys
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any

STARTS_PROGRAM = "_posixsubprocess.fork_exec"
SCHEDULING = ("os.sched_setaffinity", "os.sched_setscheduler", "os.sched_setparam")  # a process, 0 for the caller
PRIORITY = "os.setpriority"  # whose, the process, group or user, the new one
_CALLS = {
    "os": ("mkfifo", "mknod", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "setpriority"),
    "_posixsubprocess": ("fork_exec",),
}
# Modules that hold the same functions under other names.
_HELD_BY = {"os": (("posix", ""),), "_posixsubprocess": (("subprocess", "_"),)}


def audit_them() -> Callable[[], None]:
    """Let each of the calls raise an audit event with the call's name. Return the function that undoes this."""
    undo: list[Callable[[], None]] = []
    for name, functions in _CALLS.items():
        module = importlib.import_module(name)
        for function in functions:
            original = getattr(module, function, None)
            if original is None:  # this system has no such call
                continue
            audited = _audited(f"{name}.{function}", original)
            _replace(module, function, audited, undo)
            for holder, prefix in _HELD_BY[name]:
                held = importlib.import_module(holder)
                if getattr(held, prefix + function, None) is original:
                    _replace(held, prefix + function, audited, undo)

    def restore() -> None:
        while undo:
            undo.pop()()

    return restore


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
