"""The pipe from the observed script to the process that keeps the record.

Messages are gathered and written by a background thread, so a step waits for nothing, and a killed script has
already handed over all but its last moments.
"""

import os
import threading
from collections.abc import Iterable

from descend.record.reading import Message
from descend.record.wire import encode

INTERVAL_S = 0.3


class Channel:
    """The writing end. `send` from the training thread; `close` hands over what is left."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: list[Message] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="descend-channel", daemon=True)
        self._thread.start()

    def send(self, messages: Iterable[Message]) -> None:
        """Queue messages; dropped in a forked worker, which is not the run that is recorded."""
        if os.getpid() == self._process:
            with self._lock:
                self._waiting.extend(messages)

    def close(self) -> None:
        """Write what is left and close the pipe."""
        if os.getpid() != self._process or self._closed.is_set():
            return
        self._closed.set()
        self._thread.join()
        self._write()
        os.close(self._descriptor)

    def _run(self) -> None:
        while not self._closed.wait(INTERVAL_S):
            self._write()

    def _write(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        data = memoryview(encode(waiting)) if waiting else memoryview(b"")
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            self._closed.set()  # nobody listens any more: the script goes on
