"""What a script does to the world beyond its scratch copy: noted, and refused before it happens.

One audit hook (PEP 578) hears of files opened for writing, deleted or renamed, of programs started, of
connections made and signals sent, before they happen. Whatever lies in the scratch copy is the script's to
change; a linked file there becomes a copy first. The hook cannot hear of writers in C++ or Rust (the known ones
are wrapped), of what the programs that it lets through do, nor of spawned (not forked) workers: the kernel stops
those (`namespaces`, `landlock`).
"""

import errno
import functools
import os
import posix
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from descend.doctor.record.reading import Effect
from descend.doctor.redaction.arguments import masked_command
from descend.doctor.sandbox import devices, native_writers
from descend.doctor.sandbox.connections import (
    CONNECTS,
    HOST_NAME,
    LOOKUPS,
    NAMES_OF_NUMBERS,
    NUMBER_OF_SOCKET,
    is_answered,
    is_here,
    leaves_machine,
    shown,
    shown_host,
)
from descend.doctor.sandbox.copy_on_write import CopyError, CopyOnWrite
from descend.doctor.sandbox.databases import guard_databases
from descend.doctor.sandbox.exact import exact
from descend.doctor.sandbox.file_effects import Arguments, FileEffects, Outside, SharedFolders, may_matter
from descend.doctor.sandbox.programs import Programs, library
from descend.doctor.sandbox.signals import (
    ASYNCHRONOUS,
    SETTINGS,
    SIGNALS,
    changed_settings,
    made_owner,
    signalled,
    signalled_by_descriptor,
)
from descend.doctor.sandbox.starts import STARTS, start_of
from descend.doctor.sandbox.unaudited import SIGNALS_BY_DESCRIPTOR, audit_them

NEW_INTERPRETER = "cpython.PyInterpreterState_New"  # a further one in this process, which has no audit hook
MAX_TOLD = 1000  # distinct effects reported; the rest are refused without a word
_NO_PATH = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP, errno.ENAMETOOLONG}
)  # as errors of the call
MAX_TARGET = 500  # characters: a report is one short line, so that workers can share a pipe

_VERBS = {
    "write": "write",
    "delete": "delete",
    "rename": "rename",
    "process": "start",
    "connection": "connect to",
    "signal": "send a signal to",
    "setting": "change",
}

Judge = Callable[[str, Arguments], Outside | None]


def watch_effects(
    allowed: Sequence[Path],
    linked_root: tuple[Path, Path],
    report: Callable[[Effect], None],
    allow: bool = False,
    shared: SharedFolders | None = None,
    own_network: bool = False,
) -> "EffectWatch":
    """Watch what this process and its forks do outside the folders `allowed`, and refuse it unless `allow`.

    own_network: whether the kernel keeps it from the programs that other processes of this machine offer at ports.

    `linked_root` is the copy of the working directory and the original, to name places as the user knows
    them. `report` is called once for each distinct effect, in the thread and the process where it happens,
    which may be a forked worker: it should write one line at once. Refusals are `PermissionError`.
    """
    shared = shared or SharedFolders((str(devices.SHARED_MEMORY),))
    watch = EffectWatch(allowed, linked_root, report, allow, shared, own_network)
    judge_of = watch.judges.get

    def hook(event: str, arguments: Arguments) -> None:
        judge = judge_of(event)
        if judge is None or (event == "open" and not may_matter(*arguments)):
            return
        error = watch.refusal(judge, event, arguments)
        if error is not None:
            raise error

    sys.addaudithook(hook)
    return watch


def wrap_native_writers(torch: ModuleType, watch: "EffectWatch") -> None:
    """Let torch's native writers, safetensors and h5py go by the same rules, until the watch is stopped."""
    watch.undo.append(native_writers.wrap_native_writers(torch, watch.materialise))


class EffectWatch:
    """The judge of one process and its forks. `stop` leaves the hook in place, deaf: none can be removed."""

    def __init__(
        self,
        allowed: Sequence[Path],
        linked_root: tuple[Path, Path],
        report: Callable[[Effect], None],
        allow: bool,
        shared: SharedFolders,
        own_network: bool,
    ) -> None:
        self.active = True
        self._copy, self._original = (str(path).rstrip("/") for path in linked_root)
        self._report = report
        self._allow = allow
        self._told: set[tuple[str, str]] = set()
        self._trees: tuple[str, ...] = ()
        self._own = threading.local()
        copies = CopyOnWrite(allowed)
        self._files = FileEffects(copies, self._own, shared)
        self.undo = [_carry_descriptor(self._own), audit_them(), guard_databases(self._refuses_database)]
        keeper, programs = os.getppid(), Programs(os.environ, copies.holds)
        self.judges: dict[str, Judge] = {
            **self._files.judges,
            **dict.fromkeys(STARTS, functools.partial(_started, programs)),
            **dict.fromkeys(CONNECTS, functools.partial(_connected, own_network)),
            **dict.fromkeys(LOOKUPS, _looked_up),
            **dict.fromkeys(SIGNALS, functools.partial(signalled, keeper)),
            **dict.fromkeys(SETTINGS, functools.partial(changed_settings, keeper)),
            SIGNALS_BY_DESCRIPTOR: functools.partial(signalled_by_descriptor, keeper),
            **dict.fromkeys(ASYNCHRONOUS, functools.partial(_controlled, self._files, keeper)),
            NEW_INTERPRETER: _interpreter_made,
            HOST_NAME: _named_machine,
        }

    def stop(self) -> None:
        """Let everything through from now on and put the wrapped functions back."""
        self.active = False
        while self.undo:
            self.undo.pop()()

    def materialise(self, path: str | os.PathLike[str], contents: bool = True) -> None:
        """Make a path ready for a native writer: links on the way become real folders and files.

        Raises `PermissionError` where the script may not write.
        """
        name = os.fspath(path)
        error = self.refusal(lambda _event, _arguments: self._files.written(name, contents), "", ())
        if error is not None:
            raise error

    def refusal(self, judge: Judge, event: str, arguments: Arguments) -> OSError | None:
        """Return the error that refuses an event, or None. Never raises; what it does itself is not judged."""
        if not self.active or getattr(self._own, "busy", False):
            return None
        self._own.busy = True
        try:
            outside = judge(event, exact(arguments))
            words = None if outside is None else self._outside(outside)
            return None if words is None else _refused(words)
        except CopyError as error:
            return _refused(f"descend: {error} (the doctor works on a copy of what is written)")
        except (TypeError, ValueError):  # not a path that any call would accept: the call itself will say so
            return None
        except OSError as error:
            if error.errno in _NO_PATH:  # the kernel may find it, from a folder that has been deleted
                return OSError(error.errno, os.strerror(error.errno))
            return _refused(f"descend: refused, since it cannot be judged: {error.strerror}")
        except Exception as error:  # as a stack that is nearly full
            return _refused(f"descend: refused, since it cannot be judged: {type(error).__name__}")
        finally:
            self._own.busy = False

    def _refuses_database(self, name: str | None) -> bool:
        return self.refusal(self._files.database if name is not None else _unnamed, "", (name,)) is not None

    def _outside(self, outside: Outside) -> str | None:
        target = outside.target.replace(self._copy, self._original)[:MAX_TARGET]
        self._tell(Effect(outside.kind, target, refused=not self._allow, by=outside.by))
        if outside.refused_later:
            self._trees += (target + "/",)
        if self._allow or outside.refused_later:
            return None
        verb = _VERBS[outside.kind]
        return f"descend: refused to {verb} {target} (the doctor works on a copy; --allow-effects permits it)"

    def _tell(self, effect: Effect) -> None:
        key = effect.kind, effect.target
        told_as_a_tree = effect.kind == "delete" and effect.target.startswith(self._trees)
        if key in self._told or told_as_a_tree or len(self._told) >= MAX_TOLD:
            return
        self._told.add(key)
        try:
            self._report(effect)
        except Exception:  # nobody listens: the effect is refused all the same
            return


def _refused(words: str) -> OSError:
    return PermissionError(errno.EACCES, words)


def _unnamed(_: str, arguments: Arguments) -> Outside | None:
    return Outside("write", "a database whose name is a parameter of the statement")


def _started(programs: Programs, event: str, arguments: Arguments) -> Outside | None:
    start = start_of(event, arguments)
    if programs.may_start(start):
        return None
    return Outside("process", masked_command(start.command, Path.cwd()), by=library())


def _controlled(files: FileEffects, keeper: int, event: str, arguments: Arguments) -> Outside | None:
    changed = files.controlled(arguments) if event == "fcntl.ioctl" else None
    return changed or made_owner(keeper, event, arguments)


def _connected(own_network: bool, _: str, arguments: Arguments) -> Outside | None:
    sock, address = arguments[:2]
    if leaves_machine(sock, address):
        return Outside("connection", shown(address))
    is_cut_off = own_network and address is not None and not is_answered(sock, address)
    return Outside("connection", shown(address), refused_later=True) if is_cut_off else None


def _looked_up(event: str, arguments: Arguments) -> Outside | None:
    host = arguments[0][0] if event == NUMBER_OF_SOCKET else arguments[0]
    if is_here(host, needs_name=event in NAMES_OF_NUMBERS):
        return None
    return Outside("connection", f"a name server, for {shown_host(host)}")


def _interpreter_made(_: str, arguments: Arguments) -> Outside | None:
    return Outside("process", "a subinterpreter, whose effects could not be refused")


def _named_machine(_: str, arguments: Arguments) -> Outside | None:
    return Outside("setting", "the machine's host name")


def _carry_descriptor(own: threading.local) -> Callable[[], None]:
    """Let the judges know `os.open`'s folder: its event names the path, but not what it starts from."""
    original = os.open

    def open_in(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if dir_fd is None:
            return original(path, flags, mode)
        own.folder = dir_fd
        try:
            return original(path, flags, mode, dir_fd=dir_fd)
        finally:
            own.folder = None

    open_in.__name__, open_in.__doc__ = "open", original.__doc__
    os.open = posix.open = open_in
    os.supports_dir_fd.add(open_in)  # shutil asks before it deletes trees safely

    def restore() -> None:
        os.open = posix.open = original
        os.supports_dir_fd.discard(open_in)

    return restore
