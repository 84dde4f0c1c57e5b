"""The process between us and a run of ours: it starts the run and sees to it that nothing of it is left.

It ends the run when it receives SIGTERM, or when the process that requested the run is gone. Where the run has
namespaces of its own the kernel ends all that is in them; elsewhere the keeper is the parent of every orphan.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from descend.doctor.sandbox import kernel
from descend.doctor.sandbox.landlock import restrict_writes
from descend.doctor.sandbox.namespaces import TERMINALS, own_files, own_namespaces, private

UNCONFINED = -signal.SIGRTMAX  # the keeper's own status: the run could not be confined, and has not begun
STATUS = struct.Struct("i")
AWAITED = frozenset({signal.SIGCHLD, signal.SIGTERM})
# Python's and torch's processes that delete what others have left in shared memory, once those have ended.
CLEANERS = (b"resource_tracker", b"torch_shm_manager")
CLEANING_S = 2.0  # so long they may take; it needs milliseconds
AGAIN_S = 0.01

Begin = Callable[[], NoReturn]


@dataclass(frozen=True)
class Confinement:
    """How a run is kept apart. `level` is one of `promises.LEVELS`; "none" where nothing is refused."""

    level: str
    writable: tuple[str, ...]  # folders; the first is the scratch copy's top

    @staticmethod
    def of(config: Mapping[str, Any]) -> "Confinement":
        """Return how the run that `child.Config` describes is kept."""
        return Confinement(config["level"], tuple(config["writable"]))


def main(house: str) -> NoReturn:
    """Keep the run that the configuration names; end as it has ended."""
    from descend.doctor.run.child import main as run

    config = json.loads(sys.argv[1])
    _end_as(kept(lambda: run(house), Confinement.of(config), config["parent"]))


def kept(begin: Begin, confinement: Confinement, parent: int) -> int:
    """Fork a process that goes on with `begin`, and return how it has ended, as `Popen.returncode` gives it.

    `parent`: the process at whose end the run ends, too; it must be the one that has started this process.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # where it is ignored the kernel tells nobody how a child has ended
    signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
    in_namespaces = confinement.level == "namespaces"
    if in_namespaces:
        try:
            own_namespaces()
        except OSError as error:
            return _unconfined(error)
    else:
        kernel.adopt_orphans()
    kernel.die_with_parent(signal.SIGTERM)  # asked for here: a change of user namespace takes it back
    if os.getppid() != parent:
        return -signal.SIGTERM
    alive, held = os.pipe()  # a child that was forked just before this process ended would not be told of it
    told, telling = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(held)
        os.close(told)
        _depend(alive)
        if in_namespaces:
            _first_process(begin, confinement, telling)
        if confinement.level != "none":
            kernel.give_up_capabilities(kernel.KEPT_BY_ROOT)
        _become(begin, confinement, telling)
    os.close(alive)
    os.close(telling)
    status = _waited_for(first)
    os.close(held)
    said = os.read(told, STATUS.size)
    os.close(told)
    return int(STATUS.unpack(said)[0]) if len(said) == STATUS.size else _as_scripts(status)


def _first_process(begin: Begin, confinement: Confinement, telling: int) -> NoReturn:
    """Be the process that all others of the namespace have above them: at its end the kernel ends them."""
    try:
        top, *others = (Path(folder) for folder in confinement.writable)
        own_files(top, others)
    except OSError as error:
        os.write(telling, STATUS.pack(_unconfined(error)))
        os._exit(0)
    kernel.close_to_others()  # the script, which is of the same user, could else write to `telling`
    script = os.fork()
    if script == 0:
        kernel.close_to_others(False)
        _become(begin, confinement, telling)
    ended = 0
    while ended != script:
        ended, code = _waited(0)
    os.write(telling, STATUS.pack(_as_scripts(os.waitstatus_to_exitcode(code))))
    os._exit(0)


def _become(begin: Begin, confinement: Confinement, telling: int) -> NoReturn:
    """Go on as the run, which the kernel confines from its first line on: nothing of it has been imported yet."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)
    try:
        os.setsid()
        if not _is_confined(confinement):
            os.write(telling, STATUS.pack(UNCONFINED))
            os._exit(0)
        os.close(telling)
        begin()
    finally:
        os._exit(1)


def _is_confined(confinement: Confinement) -> bool:
    """Give up what a run may not do at its level; whether the kernel has allowed it."""
    if confinement.level == "none":
        return True
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    allowed = [Path(folder) for folder in confinement.writable]
    if confinement.level == "namespaces":  # which hold without Landlock, too
        restrict_writes([*allowed, *private(), TERMINALS])
    elif confinement.level == "landlock" and not restrict_writes(allowed):
        print("Landlock: it could not be switched on", file=sys.stderr, flush=True)
        return False
    return True


def _as_scripts(status: int) -> int:
    """Return how a script has ended, which is never the keeper's own status."""
    return max(status, UNCONFINED + 1)


def _depend(alive: int) -> None:
    """End with the keeper, also where it has ended already."""
    kernel.die_with_parent(signal.SIGKILL)
    os.set_blocking(alive, False)
    with suppress(BlockingIOError):
        os.read(alive, 1)  # nothing is ever written: it can only be at its end
        os._exit(1)
    os.close(alive)


def _waited_for(first: int) -> int:
    """Wait for the run, or for the word to end it; leave nothing of it behind."""
    status: int | None = None
    while status is None:
        if signal.sigwait(AWAITED) == signal.SIGTERM:
            with suppress(ProcessLookupError):
                os.kill(first, signal.SIGKILL)
        status = _reaped(first)
    _end_orphans()
    return status


def _reaped(first: int) -> int | None:
    """Take leave of every child that has ended; return how the first one has, None while it runs."""
    status = None
    with suppress(ChildProcessError):
        while True:
            ended, code = _waited(os.WNOHANG)
            if not ended:
                break
            if ended == first:
                status = os.waitstatus_to_exitcode(code)
    return status


def _waited(options: int) -> tuple[int, int]:
    """Return what `os.waitpid` does of a child that has ended; let one that has stopped itself go on.

    A run has no terminal from which anyone would do that, and its time would never be up.
    """
    while True:
        child, code = os.waitpid(-1, options | os.WUNTRACED)
        if not child or not os.WIFSTOPPED(code):
            return child, code
        os.kill(child, signal.SIGCONT)


def _end_orphans() -> None:
    """Kill what the run has left behind; those that clean up after others may finish first."""
    until = time.monotonic() + CLEANING_S
    while left := descendants(os.getpid()):
        cleaners = {pid for pid in left if time.monotonic() < until and _cleans(pid)}
        for pid in left - cleaners:
            with suppress(ProcessLookupError, PermissionError):
                _kill_group(pid)
        _reaped(0)
        time.sleep(AGAIN_S)


def descendants(process: int) -> set[int]:
    """Return the numbers of all processes below one."""
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
    """Kill a process with those of its group: one by one they may fork faster than they are found."""
    group = os.getpgid(pid)
    if group == os.getpgid(0):  # it has not left ours yet
        os.kill(pid, signal.SIGKILL)
    else:
        os.killpg(group, signal.SIGKILL)


def _cleans(pid: int) -> bool:
    try:
        return any(name in Path("/proc", str(pid), "cmdline").read_bytes() for name in CLEANERS)
    except OSError:
        return False


def _unconfined(error: OSError) -> int:
    print(f"{error.strerror}", file=sys.stderr, flush=True)
    return UNCONFINED


def _end_as(status: int) -> NoReturn:
    """End as the run has ended, by the same signal if need be."""
    if status < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # whatever the signal is, it says nothing of this process
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [-status])
        with suppress(OSError):  # SIGKILL and SIGSTOP have no handler
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status & 0xFF)
