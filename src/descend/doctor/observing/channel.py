"""The pipes from the observed script to the process that keeps the record.

Messages are gathered and written by a background thread, so a step waits for nothing, and a killed script has
already handed over all but its last moments. What happens in forked workers is told at once, one line at a time,
on a pipe of its own: lines of several processes do not mix there as long as they are short (PIPE_BUF).
"""

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from descend.doctor.observing.descriptors import out_of_reach
from descend.doctor.record.reading import Message
from descend.doctor.record.wire import encode

INTERVAL_S = 0.3


class Channel:
    """The writing ends. `send` from the training thread; `tell` from any process; `close` hands over what is left.

    `lost` is called with the error when nothing can be written any more.
    """

    def __init__(self, descriptor: int, telling: int, lost: Callable[[OSError], None] = lambda error: None) -> None:
        # a program that the script starts must not hold the pipes open, and the script itself not close them
        self._descriptor, self._telling = out_of_reach(descriptor), out_of_reach(telling)
        self._lost = lost
        self._waiting: list[Message] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._closed = threading.Event()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="descend-channel", daemon=True)
        self._thread.start()

    def send(self, messages: Iterable[Message]) -> None:
        """Queue messages; dropped in a forked worker, which is not the run that is recorded."""
        if os.getpid() == self._process:
            with self._lock:
                self._waiting.extend(messages)

    def tell(self, message: Message) -> None:
        """Queue one short message; write it at once in a forked worker, and after the end."""
        if os.getpid() == self._process and not self._closed.is_set():
            self.send([message])
        else:
            self.tell_at_once([message])

    def tell_at_once(self, messages: Iterable[Message]) -> None:
        """Write short messages from any process, one by one."""
        with suppress(OSError):
            for message in messages:
                os.write(self._telling, encode([message]))

    def close(self) -> None:
        """Write what is left. The pipe itself ends with the process."""
        if os.getpid() == self._process and not self._closed.is_set():
            self._closed.set()
            self._write()

    def hang_up(self) -> None:
        """Write what is left and close the pipes, before the process ends."""
        self.close()
        self._thread.join()
        for number in (self._descriptor, self._telling):
            os.close(number)

    def _run(self) -> None:
        while not self._closed.wait(INTERVAL_S):
            self._write()

    def _write(self) -> None:
        with self._writing:
            with self._lock:
                waiting, self._waiting = self._waiting, []
            data = memoryview(encode(waiting)) if waiting else memoryview(b"")
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError as error:
                self._closed.set()  # the script goes on, unless it was only run for us
                self._lost(error)
