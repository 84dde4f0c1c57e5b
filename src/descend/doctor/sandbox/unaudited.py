"""Make functions of the standard library that change something without an audit event raise one.

Python audits `os.mkdir` but not `os.mknod`, and `subprocess.Popen` but not the function that it calls.
"""

import functools
import importlib
import inspect
import os
import posix
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from descend.doctor.sandbox.replaced_functions import Function, Undo, replace_function, restorer

STARTS_PROGRAM = "_posixsubprocess.fork_exec"
# Audit events whose first argument is a process id; 0 is the calling process.
SCHEDULING = ("os.sched_setaffinity", "os.sched_setscheduler", "os.sched_setparam")
PRIORITY = "os.setpriority"  # event arguments: the kind of target (process, group or user), its id, the new priority
SIGNALS_BY_DESCRIPTOR = "signal.pidfd_send_signal"  # event arguments: process descriptor, signal
OPENS_SHARED_MEMORY = "_posixshmem.shm_open"  # event arguments: name of the shared memory, flags
DELETES_SHARED_MEMORY = "_posixshmem.shm_unlink"  # event argument: name of the shared memory
DELETES_SEMAPHORE = "_multiprocessing.sem_unlink"  # event argument: name of the semaphore
DELETED_AT_EXIT = "multiprocessing.resource_tracker.register"  # event arguments: name, type of resource
_CALLS = {
    "os": ("mkfifo", "mknod", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "setpriority"),
    "signal": ("pidfd_send_signal",),
    "_posixsubprocess": ("fork_exec",),
    "_posixshmem": ("shm_open", "shm_unlink"),
    "_multiprocessing": ("sem_unlink",),
    "multiprocessing.resource_tracker": ("register",),
}
_SPAWNERS = ("posix_spawn", "posix_spawnp")
# Other modules that contain the same functions, and the prefix of the functions' names in these modules.
_ALSO_IN = {
    "os": (("posix", ""),),
    "signal": (("_signal", ""),),
    "_posixsubprocess": (("subprocess", "_"),),
    "_multiprocessing": (("multiprocessing.synchronize", ""),),
}


def audit_unaudited_calls() -> Callable[[], None]:
    """Make functions without an audit event raise an audit event. Return the function that undoes this."""
    undo: Undo = []
    for name, functions in _CALLS.items():
        for function in functions:
            _replace_everywhere(name, function, functools.partial(_make_audited, f"{name}.{function}"), undo)
    for function in _SPAWNERS:
        _replace_everywhere("os", function, _audit_opened_files, undo)
    return restorer(undo)


def record_folder_descriptors(own: threading.local) -> Callable[[], None]:
    """Make `os.open` record its `dir_fd`, because the audit event contains only the path."""
    original = os.open

    def open_in(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        """Open a file as `os.open` does, and record its `dir_fd` until the call returns."""
        outer = getattr(own, "folder", None)  # a signal handler may call this function while another call runs
        try:
            own.folder = dir_fd
            return original(path, flags, mode, dir_fd=dir_fd)
        finally:
            own.folder = outer

    open_in.__name__, open_in.__doc__ = "open", original.__doc__
    undo: Undo = []
    replace_function((os, posix), "open", open_in, undo)
    return restorer(undo)


def _replace_everywhere(name: str, function: str, audited: Callable[[Function], Function], undo: Undo) -> None:
    """Replace a function in all modules that contain it. Do nothing if this system does not have the function."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return
    original = getattr(module, function, None)
    if original is None:
        return
    replacement = audited(original)
    replace_function((module,), function, replacement, undo)
    for holder, prefix in _ALSO_IN.get(name, ()):
        held = sys.modules.get(holder)
        if held is not None and getattr(held, prefix + function, None) is original:
            replace_function((held,), prefix + function, replacement, undo)


def _audit_opened_files(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a wrapper of `posix_spawn` that raises an audit event for each file that is opened for the new program."""

    @functools.wraps(original)
    def audit_and_call(*arguments: Any, **named: Any) -> Any:
        """Raise an audit event for each file in `file_actions`; then call the original function."""
        for action in named.get("file_actions") or ():
            if action[0] == os.POSIX_SPAWN_OPEN:
                sys.audit("open", action[2], None, action[3])
        return original(*arguments, **named)

    return audit_and_call


def _make_audited(event: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a wrapper of a function that raises an audit event with the function's arguments before each call."""
    signature = _find_signature(original)

    @functools.wraps(original)
    def audit_and_call(*arguments: Any, **named: Any) -> Any:
        """Raise the audit event; then call the original function."""
        with suppress(TypeError):  # the original function raises the error for wrong arguments
            bound = signature.bind(*arguments, **named)
            bound.apply_defaults()
            sys.audit(event, *bound.args, *bound.kwargs.values())
        return original(*arguments, **named)

    return audit_and_call


def _find_signature(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature of a function. If it has none, return one that accepts any positional arguments."""
    try:
        return inspect.signature(function)
    except ValueError:  # a C function without a signature takes only positional arguments
        return inspect.signature(lambda *arguments: None)
