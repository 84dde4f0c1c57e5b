"""Start the child process, receive its messages, and end it with all processes that it has started."""

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

from descend.doctor.execution.forked import ForkedProcess
from descend.doctor.record import Message
from descend.doctor.record.validation import Lines, valid_messages
from descend.doctor.redaction import mask_secrets

TAIL = 64 * 1024  # number of last bytes of standard error that are kept
BLOCK = 1 << 16  # largest number of bytes that are read at once
AGAIN_S = 0.02  # seconds between two checks whether the child has ended
QUIET_S = 0.1  # after the child's end, reading stops when no message arrives for this many seconds


@dataclass
class Process:
    """A child process that runs a script: either a run of descend or the user's own run.

    ours: whether it is a run of descend, which prints nothing and has its own process group.
    """

    popen: subprocess.Popen[bytes] | ForkedProcess
    ours: bool
    tail: bytearray
    reading: threading.Thread | None

    def messages(self, readers: Sequence[int], until: float = inf) -> Iterator[list[Message]]:
        """Yield the child's messages until the child has ended, or until `time.monotonic()` reaches `until`.

        Processes that the child has started may live longer and keep the pipes open.
        """
        return received_messages(readers, lambda: self.popen.poll() is not None, until)

    def ends(self, until: float) -> bool:
        """Wait until the child ends or `time.monotonic()` reaches `until`; return whether the child has ended."""
        while self.popen.poll() is None:
            if time.monotonic() > until:
                return False
            time.sleep(AGAIN_S)
        return True

    def finish(self) -> tuple[int, str]:
        """Wait for the child's end; return its exit status as a shell shows it, and the end of its standard error."""
        status = self.popen.wait()
        if self.reading is not None:
            self.reading.join(timeout=2)
        return status if status >= 0 else 128 - status, mask_secrets(_whole_lines(self.tail).decode(errors="replace"))

    def end(self) -> None:
        """End a run of descend with all of its processes, or wait for the end of the user's own run."""
        if self.ours and self.popen.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.popen.pid, signal.SIGTERM)
        self.popen.wait()


def start(
    command: Sequence[str], folder: str, environment: Mapping[str, str] | None, descriptors: Sequence[int]
) -> Process:
    """Start a run of descend or, if `environment` is None, the user's own run in this terminal. Raises `OSError`."""
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
    return process_with_tail(popen) if ours else Process(popen, ours, bytearray(), None)


def process_with_tail(popen: subprocess.Popen[bytes] | ForkedProcess) -> Process:
    """Return the process of a run, and start a thread that keeps the end of its standard error."""
    tail = bytearray()
    reading = threading.Thread(target=_keep_tail, args=(popen, tail), daemon=True)
    reading.start()
    return Process(popen, True, tail, reading)


def _whole_lines(tail: bytearray) -> bytearray:
    """Return the kept output without a cut-off first line, where a part of a secret might not be masked."""
    if len(tail) < TAIL:
        return tail
    # A progress bar ends its lines only with carriage returns.
    ends = [end for end in (tail.find(b"\n"), tail.find(b"\r")) if end >= 0]
    return tail[min(ends) + 1 :] if ends else bytearray()


def _keep_tail(popen: subprocess.Popen[bytes] | ForkedProcess, tail: bytearray) -> None:
    """Read a process's standard error to its end and keep the last `TAIL` bytes in `tail`."""
    assert popen.stderr is not None
    while block := os.read(popen.stderr.fileno(), BLOCK):
        tail += block
        del tail[:-TAIL]


def received_messages(
    readers: Sequence[int], has_ended: Callable[[], bool], until: float = inf
) -> Iterator[list[Message]]:
    """Yield the messages from some pipes until all are closed, or the sender has ended and no more messages arrive.

    While no message arrives, empty lists are yielded, so that the caller can stop a run that hangs.

    until: time of `time.monotonic` at which to stop in any case.
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
            if not ready:
                yield []
            for key, _ in ready:
                block = os.read(key.fd, BLOCK)
                after_end[key.fd] += len(block) if ended else 0
                # More data than a pipe can hold must come from processes that outlive the sender.
                if not block or after_end[key.fd] > fcntl.fcntl(key.fd, fcntl.F_GETPIPE_SZ):
                    selector.unregister(key.fd)
                if found := [message for line in lines[key.fd].add(block) for message in valid_messages(line)]:
                    yield found
