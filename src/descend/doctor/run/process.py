"""The child process: started, listened to, and ended with everything that it has started."""

import fcntl
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import inf

from descend.doctor.record import Message
from descend.doctor.record.arriving import Lines, arrivals
from descend.doctor.redaction import clean
from descend.doctor.run.forked import Forked

TAIL = 64 * 1024  # bytes of standard error kept
BLOCK = 1 << 16
AGAIN_S = 0.02  # between two looks at whether it has ended
QUIET_S = 0.1  # after its end, and this long without a word, nothing more is expected


@dataclass
class Process:
    """A running child. `ours`: a run of our own, silent and in a process group of its own; else the user's."""

    popen: subprocess.Popen[bytes] | Forked
    ours: bool
    tail: bytearray
    reading: threading.Thread | None

    def messages(self, readers: Sequence[int], until: float = inf) -> Iterator[list[Message]]:
        """Yield what the child sends, until it has ended, or until a time of `time.monotonic`.

        What it has started may live on and hold the pipes.
        """
        return received(readers, lambda: self.popen.poll() is not None, until)

    def ends(self, until: float) -> bool:
        """Wait for the end, but no longer than until a time of `time.monotonic`; whether it has come."""
        while self.popen.poll() is None:
            if time.monotonic() > until:
                return False
            time.sleep(AGAIN_S)
        return True

    def finish(self) -> tuple[int, str]:
        """Wait for the end; return the exit status as a shell gives it, and the last of standard error."""
        status = self.popen.wait()
        if self.reading is not None:
            self.reading.join(timeout=2)
        return status if status >= 0 else 128 - status, clean(_whole_lines(self.tail).decode(errors="replace"))

    def end(self) -> None:
        """Have the keeper of a run of our own end it with whatever it has started; wait for the user's own run."""
        if self.ours and self.popen.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.popen.pid, signal.SIGTERM)
        self.popen.wait()


def start(
    command: Sequence[str], folder: str, environment: Mapping[str, str] | None, descriptors: Sequence[int]
) -> Process:
    """Start a run of ours, or the user's own in our terminal where `environment` is None. Raises `OSError`."""
    ours = environment is not None
    popen = subprocess.Popen(
        command,
        pass_fds=descriptors,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL if ours else None,
        stdout=subprocess.DEVNULL if ours else None,
        stderr=subprocess.PIPE if ours else None,
        start_new_session=ours,
    )
    return listened(popen) if ours else Process(popen, ours, bytearray(), None)


def listened(popen: subprocess.Popen[bytes] | Forked) -> Process:
    """Return a run of ours, the last of whose standard error is kept."""
    tail = bytearray()
    reading = threading.Thread(target=_keep_tail, args=(popen, tail), daemon=True)
    reading.start()
    return Process(popen, True, tail, reading)


def _whole_lines(tail: bytearray) -> bytearray:
    """Return the tail from its first whole line on: of a line that is cut off a secret's end could not be told."""
    if len(tail) < TAIL:
        return tail
    ends = [end for end in (tail.find(b"\n"), tail.find(b"\r")) if end >= 0]  # a bar of progress has the latter only
    return tail[min(ends) + 1 :] if ends else bytearray()


def _keep_tail(popen: subprocess.Popen[bytes] | Forked, tail: bytearray) -> None:
    assert popen.stderr is not None
    while block := os.read(popen.stderr.fileno(), BLOCK):
        tail += block
        del tail[:-TAIL]


def received(readers: Sequence[int], has_ended: Callable[[], bool], until: float = inf) -> Iterator[list[Message]]:
    """Yield what arrives by the pipes until all are closed, or until the sender has ended and nothing more comes.

    until: when to stop in any case, as `time.monotonic` has it.
    """
    lines, after_end = {reader: Lines() for reader in readers}, dict.fromkeys(readers, 0)
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader, selectors.EVENT_READ)
        while selector.get_map() and time.monotonic() < until:
            ended = has_ended()
            ready = selector.select(QUIET_S)
            if ended and not ready:
                return
            for key, _ in ready:
                block = os.read(key.fd, BLOCK)
                after_end[key.fd] += len(block) if ended else 0
                # a pipe held no more than this at the sender's end: the rest is of what it has left running
                if not block or after_end[key.fd] > fcntl.fcntl(key.fd, fcntl.F_GETPIPE_SZ):
                    selector.unregister(key.fd)
                if found := [message for line in lines[key.fd].add(block) for message in arrivals(line)]:
                    yield found
