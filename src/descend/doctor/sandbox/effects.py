"""Report and refuse a script's effects outside its scratch copy before they happen, unless they are redirected.

One audit hook (PEP 578) is called before files are opened for writing, deleted or renamed, programs are started,
connections are made and signals are sent. The script may change everything in the scratch copy; a linked file there is
replaced by a copy first. The hook is not called for writers in C++ or Rust (the known ones are wrapped), for programs
that it has permitted, or in spawned (not forked) workers: the kernel stops those (`namespaces`, `landlock`).
"""

import errno
import functools
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

from descend.doctor.record.messages import Effect
from descend.doctor.redaction.arguments import masked_command
from descend.doctor.sandbox import devices, native_writers
from descend.doctor.sandbox.connections import (
    CONNECTS,
    HOST_NAME,
    LOOKUPS,
    NAMES_OF_NUMBERS,
    NUMBER_OF_SOCKET,
    address_text,
    has_listener,
    host_text,
    is_looked_up_locally,
    leaves_machine,
)
from descend.doctor.sandbox.copy_on_write import CopyError, CopyOnWrite
from descend.doctor.sandbox.databases import guard_databases
from descend.doctor.sandbox.exact import to_builtin_type
from descend.doctor.sandbox.file_effects import Arguments, FileEffects, SharedFolders, must_be_checked
from descend.doctor.sandbox.outside_effects import OutsideEffect, is_left_to_kernel, is_redirected_by_kernel
from descend.doctor.sandbox.programs import ProgramPolicy, starting_library
from descend.doctor.sandbox.redirected_calls import ignoring_own_calls, redirect_calls
from descend.doctor.sandbox.redirection import Change, Redirection
from descend.doctor.sandbox.renames import rename_between_layers
from descend.doctor.sandbox.signals import (
    ASYNCHRONOUS,
    SETTINGS,
    SIGNALS,
    judge_settings,
    judge_signal,
    judge_signal_by_descriptor,
    judge_signal_owner,
)
from descend.doctor.sandbox.starts import STARTS, read_start
from descend.doctor.sandbox.unaudited import (
    SIGNALS_BY_DESCRIPTOR,
    audit_unaudited_calls,
    record_folder_descriptors,
)

NEW_INTERPRETER = "cpython.PyInterpreterState_New"  # a new subinterpreter would have no audit hook
MAX_REPORTED = 1000  # maximum distinct effects that are reported; further effects are refused without a report
# Errors of a path that cannot be resolved. The script's call then fails with the same error.
_PATH_ERRORS = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EBADF, errno.ELOOP, errno.ENAMETOOLONG})
MAX_TARGET = 500  # maximum characters of a reported path; reports are short, so that workers can share a pipe

_VERBS = {
    "write": "write",
    "delete": "delete",
    "rename": "rename",
    "process": "start",
    "connection": "connect to",
    "signal": "send a signal to",
    "setting": "change",
}

Judge = Callable[[str, Arguments], OutsideEffect | None]


def watch_effects(
    allowed: Sequence[Path],
    linked_root: tuple[Path, Path],
    report: Callable[[Effect], None],
    allow: bool = False,
    in_namespaces: bool = False,
    files: Path | None = None,
) -> "EffectWatch":
    """Report each effect of this process and its forks outside the folders `allowed`. Refuse it unless `allow` is true.

    in_namespaces: whether the run has its own namespaces. Then it cannot reach other local programs' ports, and the
    kernel redirects changes of files to private layers.
    files: folder in the scratch copy that represents the root of the file system. Python's functions for files are
    redirected to it. None: changes of files are refused, except those that the kernel redirects.

    `linked_root` holds the copy of the working directory and the original, so that reports name the user's paths.
    `report` is called once for each distinct effect, in the thread and the process where it happens, which may be
    a forked worker: it should write one line at once. Refusals raise `PermissionError`.
    """
    watch = EffectWatch(allowed, linked_root, report, allow, in_namespaces)
    if files is not None and not allow:
        watch.redirect_files(files)
    judge_of = watch.judges.get

    def check_event(event: str, arguments: Arguments) -> None:
        """Raise an error if the action that an audit event announces must be refused."""
        judge = judge_of(event)
        if judge is None or (event == "open" and not must_be_checked(*arguments)):
            return
        error = watch.refusal_error(judge, event, arguments)
        if error is not None:
            raise error

    sys.addaudithook(check_event)
    return watch


def wrap_native_writers(torch: ModuleType, watch: "EffectWatch") -> None:
    """Also check writes by C and Rust functions of torch, safetensors and h5py, until `watch` is stopped."""
    watch.undo.append(native_writers.wrap_native_writers(torch, watch.path_for_native_call))


class EffectWatch:
    """Checks the effects of one process and its forks. An audit hook cannot be removed, so `stop` disables it."""

    def __init__(
        self,
        allowed: Sequence[Path],
        linked_root: tuple[Path, Path],
        report: Callable[[Effect], None],
        allow: bool,
        in_namespaces: bool,
    ) -> None:
        self.active = True
        self.redirection: Redirection | None = None
        self._in_namespaces = in_namespaces
        self._copy, self._original = (str(path).rstrip("/") for path in linked_root)
        self._report = report
        self._allow = allow
        self._reported: set[tuple[str, str]] = set()
        self._trees: tuple[str, ...] = ()
        self._own = threading.local()
        self._copies = copies = CopyOnWrite(allowed)
        self._files = FileEffects(copies, self._own, SharedFolders((str(devices.SHARED_MEMORY),)))
        self.undo = [
            record_folder_descriptors(self._own),
            audit_unaudited_calls(),
            guard_databases(self._refuses_database),
        ]
        if in_namespaces:
            self.undo.append(rename_between_layers(self._own))
        keeper, programs = os.getppid(), ProgramPolicy(os.environ, copies.is_writable_or_below)
        self.judges: dict[str, Judge] = {
            **self._files.judges,
            **dict.fromkeys(STARTS, functools.partial(_judge_start, programs)),
            **dict.fromkeys(CONNECTS, functools.partial(_judge_connection, in_namespaces)),
            **dict.fromkeys(LOOKUPS, _judge_lookup),
            **dict.fromkeys(SIGNALS, functools.partial(judge_signal, keeper)),
            **dict.fromkeys(SETTINGS, functools.partial(judge_settings, keeper)),
            SIGNALS_BY_DESCRIPTOR: functools.partial(judge_signal_by_descriptor, keeper),
            **dict.fromkeys(ASYNCHRONOUS, functools.partial(_judge_control, self._files, keeper)),
            NEW_INTERPRETER: _judge_interpreter,
            HOST_NAME: _judge_host_name,
        }

    def stop(self) -> None:
        """Permit all effects from now on, and restore the wrapped functions."""
        self.active = False
        while self.undo:
            self.undo.pop()()

    def redirect_files(self, files: Path) -> None:
        """Redirect Python's functions for files to the folder `files`, until this object is stopped."""
        by_kernel = is_left_to_kernel if self._in_namespaces else None
        self.redirection = Redirection(files, self._copies, self._report_redirection, self._original, by_kernel)
        self.undo.append(redirect_calls(self.redirection, self._own))

    def path_for_native_call(self, path: str, writes: bool, contents: bool = True) -> str:
        """Return the path that a native function must open instead of `path`, with links replaced if it writes.

        Raises `PermissionError` if the script may not write there.
        """
        name, changes = path, list[Change]()
        if self.redirection is not None and self.active:
            with ignoring_own_calls(self._own):
                name = self.redirection.path_for(path, changes, "write" if writes else "")
        if not writes:
            return name
        error = self.refusal_error(lambda _event, _arguments: self._files.judge_native_write(name, contents), "", ())
        if error is not None:
            raise error
        if self.redirection is not None:
            self.redirection.report(changes)
        return name

    def refusal_error(self, judge: Judge, event: str, arguments: Arguments) -> OSError | None:
        """Return the error that refuses an audit event; None if the event is permitted."""
        if not self.active:
            return None
        was_busy = getattr(self._own, "busy", False)
        try:
            self._own.busy = True  # Further events are judged, too: a signal handler of the script may interrupt.
            outside = judge(event, to_builtin_type(arguments))
            words = None if outside is None else self._refusal_message(outside)
            return None if words is None else _permission_error(words)
        except CopyError as error:
            return _permission_error(f"descend: {error} (a linked file must be copied before the script may change it)")
        except (TypeError, ValueError):  # the path is invalid, so the script's own call will raise an error
            return None
        except OSError as error:
            if error.errno in _PATH_ERRORS:  # without this error, the kernel could find the path in a deleted folder
                return OSError(error.errno, os.strerror(error.errno))
            return _permission_error(f"descend: refused a call whose effect is unknown: {error.strerror}")
        except Exception as error:  # for example a RecursionError, if the stack is nearly full
            return _permission_error(f"descend: refused a call whose effect is unknown: {type(error).__name__}")
        finally:
            self._own.busy = was_busy

    def _refuses_database(self, name: str | None) -> bool:
        """Return whether SQLite must not open the database with this name. The name is None if it is unknown."""
        judge = _judge_unnamed_database if name is None else self._files.judge_database
        return self.refusal_error(judge, "", (name,)) is not None

    def _refusal_message(self, outside: OutsideEffect) -> str | None:
        """Report an effect outside the scratch copy; return the message that refuses it, or None if it is permitted."""
        target = outside.target.replace(self._copy, self._original)[:MAX_TARGET]
        if self._in_namespaces and not self._allow and is_redirected_by_kernel(outside, self._copies.folders):
            self._report_once(Effect(outside.kind, target, refused=False, redirected=True))
            return None
        self._report_once(Effect(outside.kind, target, refused=not self._allow, by=outside.by))
        if outside.refused_later:
            self._trees += (target + "/",)
        if self._allow or outside.refused_later:
            return None
        verb = _VERBS[outside.kind]
        return f"descend: refused to {verb} {target}. Use --allow-effects to permit effects outside the doctor's copy"

    def _report_redirection(self, kind: str, target: str) -> None:
        """Report a change of a file or folder that is redirected to the scratch copy."""
        self._report_once(Effect(kind, target[:MAX_TARGET], refused=False, redirected=True))

    def _report_once(self, effect: Effect) -> None:
        """Report an effect, unless it was already reported or is part of a reported deletion of a folder."""
        key = effect.kind, effect.target
        is_in_reported_tree = effect.kind == "delete" and effect.target.startswith(self._trees)
        is_step = getattr(self._own, "is_renaming", False) and not effect.refused  # the whole renaming is reported
        if is_step or key in self._reported or is_in_reported_tree or len(self._reported) >= MAX_REPORTED:
            return
        self._reported.add(key)
        try:
            self._report(effect)
        except Exception:  # no process reads the reports any more, but the effect is still refused
            return


def _permission_error(words: str) -> OSError:
    """Return the `PermissionError` that refuses an effect, with this message."""
    return PermissionError(errno.EACCES, words)


def _judge_unnamed_database(_: str, arguments: Arguments) -> OutsideEffect | None:
    """Return the effect to report if SQLite opens a database whose name is unknown and may be outside the copy."""
    return OutsideEffect("write", "a database whose name is a parameter of the SQL statement")


def _judge_start(programs: ProgramPolicy, event: str, arguments: Arguments) -> OutsideEffect | None:
    """Return the effect to report if the script starts a program that it may not start, otherwise None."""
    start = read_start(event, arguments)
    if programs.may_start(start):
        return None
    return OutsideEffect("process", masked_command(start.command, Path.cwd()), by=starting_library())


def _judge_control(files: FileEffects, keeper: int, event: str, arguments: Arguments) -> OutsideEffect | None:
    """Return the effect to report if `fcntl` or `ioctl` changes a file or causes signals to others, otherwise None."""
    changed = files.judge_ioctl(arguments) if event == "fcntl.ioctl" else None
    return changed or judge_signal_owner(keeper, event, arguments)


def _judge_connection(own_network: bool, _: str, arguments: Arguments) -> OutsideEffect | None:
    """Return the effect to report if a connection leaves the machine or cannot succeed, otherwise None."""
    sock, address = arguments[:2]
    if leaves_machine(sock, address):
        return OutsideEffect("connection", address_text(address))
    is_cut_off = own_network and address is not None and not has_listener(sock, address)
    return OutsideEffect("connection", address_text(address), refused_later=True) if is_cut_off else None


def _judge_lookup(event: str, arguments: Arguments) -> OutsideEffect | None:
    """Return the effect to report if looking up a host's name or address sends a request, otherwise None."""
    host = arguments[0][0] if event == NUMBER_OF_SOCKET else arguments[0]
    if is_looked_up_locally(host, needs_name=event in NAMES_OF_NUMBERS):
        return None
    return OutsideEffect("connection", f"a name server, for {host_text(host)}")


def _judge_interpreter(_: str, arguments: Arguments) -> OutsideEffect | None:
    """Return the effect to report if the script creates a subinterpreter, which would have no audit hook."""
    return OutsideEffect("process", "a subinterpreter, whose effects could not be refused")


def _judge_host_name(_: str, arguments: Arguments) -> OutsideEffect | None:
    """Return the effect to report if the script changes the machine's host name."""
    return OutsideEffect("setting", "the machine's host name")
