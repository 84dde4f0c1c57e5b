"""The pipes from the observed script to the process that keeps the record.

Messages are queued and written by a background thread, so a step does not wait for the pipe. A script that is killed
loses only the messages of its last moments. Forked workers write on a second pipe, one short line at a time, because
writes of several processes do not mix there as long as they are shorter than PIPE_BUF.
"""

import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress

from descend.doctor.instrumentation.file_descriptors import move_to_high_number
from descend.doctor.record.messages import Message
from descend.doctor.record.wire import encode

INTERVAL_S = 0.3


class Channel:
    """Sends messages about a run through two pipes: one from the training process, one from its forked workers.

    `lost` is called with the error if the pipe cannot be written any more.
    """

    def __init__(
        self, descriptor: int, worker_descriptor: int, lost: Callable[[OSError], None] = lambda error: None
    ) -> None:
        # Programs that the script starts must not inherit the pipes, and the script must not close the pipes.
        self._descriptor, self._worker_descriptor = (
            move_to_high_number(descriptor),
            move_to_high_number(worker_descriptor),
        )
        self._lost = lost
        self._waiting: list[Message] = []
        # A signal handler of the script can interrupt `send`, and cause a message itself.
        self._lock = threading.RLock()
        self._writing = threading.Lock()
        self._closed = threading.Event()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._write_regularly, name="descend-channel", daemon=True)
        self._thread.start()

    def send(self, messages: Iterable[Message]) -> None:
        """Queue messages for the pipe. In a forked worker, drop the messages, because workers are not recorded."""
        if os.getpid() == self._process:
            with self._lock:
                self._waiting.extend(messages)

    def send_from_worker(self, message: Message) -> None:
        """Queue a short message. In a forked worker, or if the channel is closed, write the message immediately."""
        if os.getpid() == self._process and not self._closed.is_set():
            self.send([message])
        else:
            self.send_immediately([message])

    def send_immediately(self, messages: Iterable[Message]) -> None:
        """Write short messages to the pipe immediately, one by one, from any process."""
        with suppress(OSError):
            for message in messages:
                os.write(self._worker_descriptor, encode([message]))

    def close(self) -> None:
        """Write the queued messages, and accept no more. The pipe itself is closed when the process ends."""
        if os.getpid() == self._process and not self._closed.is_set():
            self._closed.set()
            self._write()

    def close_pipes(self) -> None:
        """Write the queued messages and close both pipes while the process continues."""
        self.close()
        self._thread.join()
        for number in (self._descriptor, self._worker_descriptor):
            os.close(number)

    def _write_regularly(self) -> None:
        """Write the queued messages to the pipe at regular intervals, until the channel is closed."""
        while not self._closed.wait(INTERVAL_S):
            self._write()

    def _write(self) -> None:
        """Write all queued messages to the pipe."""
        with self._writing:
            with self._lock:
                waiting, self._waiting = self._waiting, []
            data = memoryview(encode(waiting)) if waiting else memoryview(b"")
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError as error:
                self._closed.set()  # The callback `lost` decides whether the script continues without being recorded.
                self._lost(error)
