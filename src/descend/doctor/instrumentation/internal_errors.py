"""Protect the script from internal errors of `descend`."""

import functools
from typing import Any

import torch

from descend.doctor.instrumentation.sharding import without_collectives


class EventHandler:
    """Base class of objects that observe the script. If one of them fails, a measurement is lost, but not the run."""

    is_disabled = False  # set to True in a forked process, which is not recorded

    def on_internal_error(self, error: Exception) -> None:
        """Ignore an internal error. Subclasses may report it."""
        ...


class ObserverPart:
    """Base class of objects that observe the script for an observer."""

    def __init__(self, observer: Any) -> None:
        self.observer = observer

    @property
    def is_disabled(self) -> bool:
        """Return whether events are ignored, as in a forked process and while one of our measurements runs."""
        disabled: bool = self.observer.is_disabled or self.observer.probe_runner.budget.is_spending
        return disabled

    def on_internal_error(self, error: Exception) -> None:
        """Pass an internal error to the observer."""
        self.observer.on_internal_error(error)


def never_raises(event: Any) -> Any:
    """Decorate a method so that its exceptions are passed to `on_internal_error` instead of the script.

    Function modes of the script do not see the operations of the method, and none of them waits for other processes.
    """

    @functools.wraps(event)
    def guarded(self: EventHandler, *args: Any, **named: Any) -> Any:
        """Call the method; pass an exception to `on_internal_error` instead of raising it."""
        if self.is_disabled:
            return None
        try:
            with torch._C.DisableTorchFunction(), without_collectives():
                return event(self, *args, **named)
        except Exception as error:
            self.on_internal_error(error)
            return None

    return guarded
