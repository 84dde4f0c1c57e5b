"""Talk with a server behind the next steps: one call at a time, in a thread, whose answer is taken when it has come."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class Behind(Generic[Answer]):
    """At most one call under way. Where `waits`, each call is answered before `start` returns."""

    def __init__(self, waits: bool) -> None:
        self._thread = None if waits else ThreadPoolExecutor(1, thread_name_prefix="descend-server")
        self._asked: Future[Answer] | None = None

    def start(self, call: Callable[[], Answer]) -> None:
        """Begin a call; the answer to the last one must have been taken."""
        if self._thread:
            self._asked = self._thread.submit(call)
        else:
            self._asked = Future()
            self._asked.set_result(call())

    def taken(self, *, wait: bool = False) -> Answer | None:
        """Return the answer, once, if it has come or is waited for. Raises what the call raised."""
        asked = self._asked
        if asked is None or not (wait or asked.done()):
            return None
        self._asked = None
        return asked.result()
