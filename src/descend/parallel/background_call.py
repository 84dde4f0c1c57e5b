"""Call a server in a background thread, one call at a time, while training continues."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class BackgroundCall(Generic[Answer]):
    """Runs one call at a time in a background thread or, if `waits` is true, in the calling thread."""

    def __init__(self, waits: bool) -> None:
        self._thread = None if waits else ThreadPoolExecutor(1, thread_name_prefix="descend-server")
        self._pending: Future[Answer] | None = None

    def start(self, call: Callable[[], Answer]) -> None:
        """Start a call. The result of the previous call must already have been taken."""
        if self._thread:
            self._pending = self._thread.submit(call)
        else:
            self._pending = Future()
            self._pending.set_result(call())

    def take_result(self, *, wait: bool = False) -> Answer | None:
        """Return the result of the finished call, and forget the result; None if no call has finished.

        wait: block until the call has finished. Raises the call's exception.
        """
        pending = self._pending
        if pending is None or not (wait or pending.done()):
            return None
        self._pending = None
        return pending.result()
