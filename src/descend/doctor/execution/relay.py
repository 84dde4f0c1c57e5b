"""Pass each signal that the watcher receives on to the watched script, exactly once.

A signal from the terminal, or from `kill` to a process group, reaches the script directly; a signal to the watcher
alone does not. A bystander process in the same group shows the difference: it only receives signals to the group.
Ignored signals stay ignored in the script, but the watcher passes them on too, for a script that handles them.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any

from descend.doctor.execution import bystander

# Signals that processes send to each other. Signals of the kernel for a fault or a resized window are not included.
SENT = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGTERM,
    signal.SIGXCPU,
    signal.SIGURG,
    signal.SIGTSTP,
    signal.SIGCONT,
)
SETTLED_S = 0.01  # seconds to wait until a signal to a group has reached all of its processes; this takes microseconds
ANSWER_S = 2.0  # a bystander that does not answer within this many seconds was stopped or killed


class Relay:
    """A context manager that passes signals on to the script. Signals that arrive before the script starts are kept."""

    def __init__(self) -> None:
        self._script: subprocess.Popen[bytes] | None = None
        self._bystander: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []
        self._shared: set[int] = set()  # signals sent to the whole group that this process itself has not received yet
        self._is_passing_on = False
        self._earlier: dict[int, Any] = {}

    def __enter__(self) -> "Relay":
        if threading.current_thread() is threading.main_thread():  # only the main thread may set signal handlers
            with suppress(OSError):
                self._bystander = _start_bystander()
            self._set_handlers(number for number in SENT if signal.getsignal(number) is not signal.SIG_IGN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if self._bystander is not None:
            self._bystander.kill()  # killed, because a stopped bystander would not end by itself
            self._bystander.communicate()

    def pass_on_to(self, script: subprocess.Popen[bytes]) -> None:
        """Send the signals received so far and all later ones to `script`, which must already run.

        From now on, ignored signals have a handler too. A script that starts later would not ignore them.
        """
        if self._earlier:
            self._set_handlers(number for number in SENT if number not in self._earlier)
        for number in self._waiting:
            script.send_signal(number)
        self._waiting.clear()
        self._script = script

    def _set_handlers(self, numbers: Iterable[int]) -> None:
        """Set a handler for these signals that passes them on to the script; keep the earlier handlers."""
        for number in numbers:
            self._earlier[number] = signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Pass a received signal on to the script, after the signals that are already waiting."""
        self._waiting.append(number)
        while self._waiting and self._script is not None and not self._is_passing_on:
            self._is_passing_on = True  # signals that arrive during this time are queued
            try:
                self._pass_on(self._script, self._waiting.pop(0))
            finally:
                self._is_passing_on = False

    def _pass_on(self, script: subprocess.Popen[bytes], number: int) -> None:
        """Send a signal to the script, unless its whole group received it; on SIGTSTP, also stop this process."""
        if not self._was_sent_to_group(number):
            script.send_signal(number)
        if number == signal.SIGTSTP and self._earlier[number] is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)  # stops this process until it receives SIGCONT
            signal.signal(number, self._handle)

    def _was_sent_to_group(self, number: int) -> bool:
        """Return whether a received signal was sent to the whole process group, so that the script received it too."""
        time.sleep(SETTLED_S)
        self._shared |= self._received_signals()
        was_shared = number in self._shared
        self._shared.discard(number)
        return was_shared

    def _received_signals(self) -> set[int]:
        """Return the signals that the bystander has received since the last request."""
        numbers = set[int]()
        if self._bystander is None:
            return numbers
        assert self._bystander.stdin is not None and self._bystander.stdout is not None
        answers = self._bystander.stdout.fileno()
        with suppress(OSError):
            os.write(self._bystander.stdin.fileno(), b"?")
            while bystander.ANSWER[0] not in numbers and select.select([answers], [], [], ANSWER_S)[0]:
                numbers |= set(os.read(answers, select.PIPE_BUF) or bystander.ANSWER)
        return numbers - set(bystander.ANSWER)


def _start_bystander() -> subprocess.Popen[bytes]:
    """Start the bystander process and wait until it is ready. Raises `OSError`."""
    command = [sys.executable, "-I", "-S", bystander.__file__, *(str(int(number)) for number in SENT)]
    started = subprocess.Popen(
        command, bufsize=0, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert started.stdout is not None
    started.stdout.read(len(bystander.ANSWER))
    return started
