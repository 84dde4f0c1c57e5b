"""The keeper: a process between descend and a run, which starts the run and ends all of its processes.

It ends the run when it receives SIGTERM, or when the process that requested the run is gone. If the run has its own
namespaces, the kernel ends all processes in them; else the keeper becomes the parent of each orphaned process.
"""

import json
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from descend.doctor.sandbox import kernel
from descend.doctor.sandbox.landlock import restrict_writes
from descend.doctor.sandbox.namespaces import TERMINALS, enter_new_namespaces, make_files_read_only
from descend.doctor.sandbox.promises import RunLevel

UNCONFINED = -signal.SIGRTMAX  # the keeper's exit status if the run could not be confined and was not started
STATUS = struct.Struct("i")
AWAITED = frozenset({signal.SIGCHLD, signal.SIGTERM})
# Processes of Python and torch that delete what ended processes have left in shared memory.
CLEANERS = (b"resource_tracker", b"torch_shm_manager")
CLEANING_S = 2.0  # time limit in seconds for cleaning up shared memory, which takes milliseconds
AGAIN_S = 0.01  # seconds between two attempts to end leftover processes

Begin = Callable[[], NoReturn]


@dataclass(frozen=True)
class Confinement:
    """How a run is sandboxed. `level` is one of `promises.LEVELS`, or "none" for a run without a sandbox."""

    level: RunLevel
    writable: tuple[str, ...]  # folders that the run may change; the first is the scratch copy's temporary folder
    private: tuple[Path, ...] = ()  # folders in which the run's changes stay in a private layer of its namespace

    @staticmethod
    def from_settings(config: Mapping[str, Any]) -> "Confinement":
        """Return the confinement that the settings of a run (the fields of `child.Config`) describe."""
        return Confinement(config["level"], tuple(config["writable"]))


def main(package_folder: str) -> NoReturn:
    """Start the run that the first argument describes, and end with its exit status."""
    from descend.doctor.execution.child import main as run

    config = json.loads(sys.argv[1])
    _end_with_status(keep_run(lambda: run(package_folder), Confinement.from_settings(config), config["parent"]))


def keep_run(begin: Begin, confinement: Confinement, parent: int) -> int:
    """Fork a process that calls `begin`, wait for it, and return its exit status as in `Popen.returncode`.

    `parent`: the process at whose end the run is ended; it must be the parent of this process.
    """
    # If SIGCHLD is ignored, the kernel discards the exit status of children.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    in_namespaces = confinement.level == "namespaces"
    if in_namespaces:
        try:
            enter_new_namespaces()
        except OSError as error:
            return _unconfined_status(error)
    else:
        kernel.adopt_orphans()
    kernel.die_with_parent(signal.SIGTERM)  # called only now, because entering a new user namespace resets this setting
    if os.getppid() != parent:
        return -signal.SIGTERM
    alive, held = os.pipe()  # this pipe closes at the end of this process, which even a newly forked child notices
    status_reader, status_writer = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(held)
        os.close(status_reader)
        _end_with_keeper(alive)
        if in_namespaces:
            _run_first_process(begin, confinement, status_writer)
        if confinement.level != "none":
            kernel.give_up_capabilities(kernel.KEPT_BY_ROOT)
        _run_confined(begin, confinement, status_writer)
    os.close(alive)
    os.close(status_writer)
    status = _wait_for_run(first)
    os.close(held)
    said = os.read(status_reader, STATUS.size)
    os.close(status_reader)
    return int(STATUS.unpack(said)[0]) if len(said) == STATUS.size else _script_status(status)


def _run_first_process(begin: Begin, confinement: Confinement, status_writer: int) -> NoReturn:
    """As the first process of the namespace, start the script, wait for it and exit.

    When the first process exits, the kernel ends all other processes of the namespace.
    """
    try:
        top, *others = (Path(folder) for folder in confinement.writable)
        confinement = replace(confinement, private=tuple(make_files_read_only(top, others)))
    except OSError as error:
        os.write(status_writer, STATUS.pack(_unconfined_status(error)))
        os._exit(0)
    kernel.hide_memory()  # otherwise the script, which has the same user, could write to `status_writer`
    script = os.fork()
    if script == 0:
        kernel.hide_memory(False)
        _run_confined(begin, confinement, status_writer)
    ended = 0
    while ended != script:
        ended, code = _wait_for_child(0)
    os.write(status_writer, STATUS.pack(_script_status(os.waitstatus_to_exitcode(code))))
    os._exit(0)


def _run_confined(begin: Begin, confinement: Confinement, status_writer: int) -> NoReturn:
    """Confine this process, then call `begin`, which runs the script. No code of the script is imported earlier."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
    try:
        os.setsid()
        if not _confine(confinement):
            os.write(status_writer, STATUS.pack(UNCONFINED))
            os._exit(0)
        os.close(status_writer)
        begin()
    finally:
        os._exit(1)


def _confine(confinement: Confinement) -> bool:
    """Confine this process at the run's sandbox level; return whether the kernel allowed it."""
    if confinement.level == "none":
        return True
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    allowed = [Path(folder) for folder in confinement.writable]
    if confinement.level == "namespaces":  # namespaces confine the run even if Landlock is missing
        restrict_writes([*allowed, *confinement.private, TERMINALS])
    elif confinement.level == "landlock" and not restrict_writes(allowed):
        print("Landlock could not be switched on", file=sys.stderr, flush=True)
        return False
    return True


def _script_status(status: int) -> int:
    """Return a script's exit status, replaced by a different one if it equals `UNCONFINED`."""
    return max(status, UNCONFINED + 1)


def _end_with_keeper(alive: int) -> None:
    """Make the kernel end this process when the keeper ends; end it now if the keeper has already ended."""
    kernel.die_with_parent(signal.SIGKILL)
    os.set_blocking(alive, False)
    with suppress(BlockingIOError):
        os.read(alive, 1)  # nothing is ever written, so a successful read means that the keeper has ended
        os._exit(1)
    os.close(alive)


def _wait_for_run(first: int) -> int:
    """Wait for the end of the run, or end it on SIGTERM; then end the processes that it has left running."""
    status: int | None = None
    while status is None:
        if signal.sigwait(AWAITED) == signal.SIGTERM:
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)
        status = _reap_children(first)
    _end_orphans()
    return status


def _reap_children(first: int) -> int | None:
    """Reap all children that have ended; return the exit status of the child `first`, or None if it still runs."""
    status = None
    with suppress(ChildProcessError):
        while True:
            ended, code = _wait_for_child(os.WNOHANG)
            if not ended:
                break
            if ended == first:
                status = os.waitstatus_to_exitcode(code)
    return status


def _wait_for_child(options: int) -> tuple[int, int]:
    """Return the result of `os.waitpid` for a child that has ended; continue each child that has stopped.

    A run has no terminal from which a user could continue it, so a stopped run would never end.
    """
    while True:
        child, code = os.waitpid(-1, options | os.WUNTRACED)
        if not child or not os.WIFSTOPPED(code):
            return child, code
        os.kill(child, signal.SIGCONT)


def _end_orphans() -> None:
    """Kill the processes that the run has left; those that clean up shared memory get time to finish."""
    until = time.monotonic() + CLEANING_S
    while left := descendants(os.getpid()):
        cleaners = {pid for pid in left if time.monotonic() < until and _is_cleaner(pid)}
        for pid in left - cleaners:
            with suppress(ProcessLookupError, PermissionError):
                _kill_group(pid)
        _reap_children(0)
        time.sleep(AGAIN_S)


def descendants(process: int) -> set[int]:
    """Return the process ids of all descendants of a process."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with suppress(OSError, IndexError):
                fields = Path("/proc", entry, "stat").read_text(errors="replace").rpartition(")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(entry))
    found: set[int] = set()
    waiting = [process]
    while waiting:
        below = children.get(waiting.pop(), [])
        waiting += below
        found.update(below)
    return found


def _kill_group(pid: int) -> None:
    """Kill a process with its whole group, because its processes may fork faster than single ones are found."""
    group = os.getpgid(pid)
    if group == os.getpgid(0):  # the process is still in the keeper's own group, which must not be killed
        os.kill(pid, signal.SIGKILL)
    else:
        os.killpg(group, signal.SIGKILL)


def _is_cleaner(pid: int) -> bool:
    """Return whether a process is one of `CLEANERS`, which clean up shared memory."""
    try:
        return any(name in Path("/proc", str(pid), "cmdline").read_bytes() for name in CLEANERS)
    except OSError:
        return False


def _unconfined_status(error: OSError) -> int:
    """Print why the run cannot be confined; return the exit status that reports this."""
    print(f"{error.strerror}", file=sys.stderr, flush=True)
    return UNCONFINED


def _end_with_status(status: int) -> NoReturn:
    """End this process with the run's `status`: exit with it or, if it is negative, send this process that signal."""
    if status < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no core dump, since this process itself has not failed
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [-status])
        with suppress(OSError):  # SIGKILL and SIGSTOP cannot have a handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status & 0xFF)
