"""What is sent to the watcher reaches the watched script, once.

A signal that the terminal sends, or `kill` to a process group, reaches the script by itself; one sent to the watcher
alone does not. Which it was, a bystander in the same group knows: it gets the one and not the other. What is inherited
as ignored stays so in the script; the watcher passes it on all the same, for a script that wants to have it.
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

from descend.doctor.run import bystander

# What one process says to another; not what the kernel raises for a fault, or for each change of a window.
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
SETTLED_S = 0.01  # a signal to a group is with all of its processes after some microseconds
ANSWER_S = 2.0  # a bystander that does not answer by then has been stopped or killed: it knows nothing


class Relay:
    """A context in which signals are passed on to the script that `to` names; before that they wait for it."""

    def __init__(self) -> None:
        self._script: subprocess.Popen[bytes] | None = None
        self._bystander: subprocess.Popen[bytes] | None = None
        self._waiting: list[int] = []
        self._shared: set[int] = set()  # what the group was sent, and we have not taken yet
        self._is_passing_on = False
        self._earlier: dict[int, Any] = {}

    def __enter__(self) -> "Relay":
        if threading.current_thread() is threading.main_thread():  # the only one that may
            with suppress(OSError):
                self._bystander = _stand_by()
            self._catch(number for number in SENT if signal.getsignal(number) is not signal.SIG_IGN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._earlier.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if self._bystander is not None:
            self._bystander.kill()  # it may have been stopped
            self._bystander.communicate()

    def to(self, script: subprocess.Popen[bytes]) -> None:
        """Pass everything on to the script, which has been started: what it inherits no longer changes."""
        if self._earlier:
            self._catch(number for number in SENT if number not in self._earlier)
        for number in self._waiting:
            script.send_signal(number)
        self._waiting.clear()
        self._script = script

    def _catch(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._earlier[number] = signal.signal(number, self._take)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._waiting.append(number)
        while self._waiting and self._script is not None and not self._is_passing_on:
            self._is_passing_on = True  # what comes meanwhile waits
            try:
                self._pass_on(self._script, self._waiting.pop(0))
            finally:
                self._is_passing_on = False

    def _pass_on(self, script: subprocess.Popen[bytes], number: int) -> None:
        if not self._was_for_all(number):
            script.send_signal(number)
        if number == signal.SIGTSTP and self._earlier[number] is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)  # we stop, too, until we are told to go on
            signal.signal(number, self._take)

    def _was_for_all(self, number: int) -> bool:
        """Whether the whole process group, and the script in it, was sent a signal that has reached us."""
        time.sleep(SETTLED_S)
        self._shared |= self._heard()
        was_shared = number in self._shared
        self._shared.discard(number)
        return was_shared

    def _heard(self) -> set[int]:
        """Return the signals that the bystander has got since it was last asked."""
        heard = set[int]()
        if self._bystander is None:
            return heard
        assert self._bystander.stdin is not None and self._bystander.stdout is not None
        answers = self._bystander.stdout.fileno()
        with suppress(OSError):
            os.write(self._bystander.stdin.fileno(), b"?")
            while bystander.ANSWER[0] not in heard and select.select([answers], [], [], ANSWER_S)[0]:
                heard |= set(os.read(answers, select.PIPE_BUF) or bystander.ANSWER)
        return heard - set(bystander.ANSWER)


def _stand_by() -> subprocess.Popen[bytes]:
    """Start a bystander and wait until it listens. Raises `OSError`."""
    command = [sys.executable, "-I", "-S", bystander.__file__, *(str(int(number)) for number in SENT)]
    started = subprocess.Popen(
        command, bufsize=0, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert started.stdout is not None
    started.stdout.read(len(bystander.ANSWER))
    return started
