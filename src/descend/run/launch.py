"""Starts the observed script as a child process and gathers what it sends into a record."""

import json
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from descend.errors import UsageError
from descend.plan import Plan
from descend.record import Ending, Message, Record
from descend.record.wire import decode
from descend.run.child import NO_TORCH, OLDEST_TORCH, Config
from descend.run.environment import child_environment, describe_environment, redact
from descend.run.scratch import Scratch, scratch_copy
from descend.script import Script

PACKAGE = Path(__file__).parents[1]
TAIL = 64 * 1024  # bytes of standard error kept
START = "import sys; sys.path.append({!r}); from descend.run.child import main; main()"

Listener = Callable[[list[Message]], None]


def run(script: Script, plan: Plan, record: Record, listen: Listener = lambda messages: None) -> Record:
    """Run `script` under observation into `record`; `listen` is shown the messages as they come.

    In the role `watch` the script runs in place with the user's terminal; in every other role it runs in a scratch
    copy of its working directory. Raises `UsageError` when the interpreter cannot run it at all.
    """
    with ExitStack() as stack:
        house = stack.enter_context(_package_link())
        scratch = None if plan.role == "watch" else stack.enter_context(scratch_copy(script))
        reader, writer = os.pipe()
        process = _start(script, plan, (scratch, house, writer))
        os.close(writer)
        try:
            with _interruption(process, plan.role):
                for messages in _messages(reader):
                    record.extend(messages)
                    listen(messages)
                status, tail = process.finish()
        finally:
            process.kill()
    if status == NO_TORCH:
        oldest = ".".join(map(str, OLDEST_TORCH))
        raise UsageError(f"{script.python} has no torch {oldest} or newer; name the script's interpreter with --python")
    if record.ending is None:
        record.add(Ending("killed", status, record.steps, error=tail))
        listen([record.ending] if record.ending else [])
    return record


def new_record(script: Script, plan: Plan, parent: int | None = None) -> Record:
    """Return the empty record of a run that is about to begin."""
    started = ["-m", script.module] if script.module else [os.path.relpath(script.path, script.root)]
    command = shlex.join([*started, *redact(script.arguments)])
    environment = describe_environment() | {"threads": str(plan.threads)}
    return Record(0, plan.role, parent, command, plan.seed, environment)


@dataclass
class _Process:
    popen: subprocess.Popen[bytes]
    tail: bytearray
    reading: threading.Thread | None

    def finish(self) -> tuple[int, str]:
        status = self.popen.wait()
        if self.reading is not None:
            self.reading.join(timeout=2)
        return status if status >= 0 else 128 - status, self.tail.decode(errors="replace")

    def kill(self) -> None:
        """End the process and whatever it has started; nothing of a truncated run lives on."""
        if self.reading is not None:  # it leads a process group of its own
            with _ignoring(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, signal.SIGKILL)
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()


def _start(script: Script, plan: Plan, places: tuple[Scratch | None, str, int]) -> _Process:
    scratch, house, descriptor = places
    config = _config(script, plan, scratch, descriptor)
    command = [script.python, "-c", START.format(house), json.dumps(vars(config))]
    quiet = scratch is not None
    try:
        popen = subprocess.Popen(
            command,
            pass_fds=[descriptor],
            cwd=scratch.root if scratch else script.root,
            env=child_environment(plan.threads, scratch, plan.allow_effects) if scratch else None,
            stdin=subprocess.DEVNULL if quiet else None,
            stdout=subprocess.DEVNULL if quiet else None,
            stderr=subprocess.PIPE if quiet else None,
            start_new_session=quiet,
        )
    except OSError as error:
        raise UsageError(f"{script.python} cannot be started: {error.strerror}") from None
    tail = bytearray()
    reading = None
    if quiet:
        reading = threading.Thread(target=_keep_tail, args=(popen, tail), daemon=True)
        reading.start()
    return _Process(popen, tail, reading)


def _config(script: Script, plan: Plan, scratch: Scratch | None, descriptor: int) -> Config:
    return Config(
        path=str(script.path),
        copy=str(scratch.path(script.path) if scratch else script.path),
        root=str(script.root),
        copy_root=str(scratch.root if scratch else script.root),
        module=script.module,
        arguments=list(script.arguments),
        role=plan.role,
        steps=plan.steps,
        seconds=plan.seconds,
        seed=plan.seed,
        seeded=plan.role != "watch",
        descriptor=descriptor,
        sandboxed=scratch is not None,
        allow_effects=plan.allow_effects,
        writable=[str(p) for p in scratch.writable] if scratch else [],
        started=time.time(),
    )


def _messages(reader: int) -> Iterator[list[Message]]:
    with os.fdopen(reader, "rb") as stream:
        for line in stream:
            found = decode(line)
            if found:
                yield found


def _keep_tail(popen: subprocess.Popen[bytes], tail: bytearray) -> None:
    assert popen.stderr is not None
    while block := os.read(popen.stderr.fileno(), 1 << 16):
        tail += block
        del tail[:-TAIL]


@contextmanager
def _package_link() -> Iterator[str]:
    """Yield a folder that holds this package and nothing else of our environment, for another interpreter's path."""
    with tempfile.TemporaryDirectory(prefix="descend-") as house:
        os.symlink(PACKAGE, Path(house, "descend"))
        yield house


@contextmanager
def _interruption(process: _Process, role: str) -> Iterator[None]:
    """In the foreground Ctrl-C is the script's own; elsewhere it ends the child and reaches our caller."""
    if role != "watch" or threading.current_thread() is not threading.main_thread():
        yield
        return
    earlier = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)


@contextmanager
def _ignoring(*kinds: type[BaseException]) -> Iterator[None]:
    try:
        yield
    except kinds:
        return
