"""No mistake of ours may reach the script."""

import functools
from typing import Any, Protocol

import torch


class Guarded(Protocol):
    """Whoever is told of the script's events."""

    inert: bool  # in a forked process, which is not the run that is recorded

    def stumbled(self, error: Exception) -> None:
        """Take note of a mistake."""
        ...


def harmless(event: Any) -> Any:
    """Make an event of the script's one that cannot fail: the mistake is noted, and the script goes on.

    Nor can it be seen by a function mode of the script's own.
    """

    @functools.wraps(event)
    def guarded(self: Guarded, *args: Any, **named: Any) -> Any:
        if self.inert:
            return None
        try:
            with torch._C.DisableTorchFunction():
                return event(self, *args, **named)
        except Exception as error:
            self.stumbled(error)
            return None

    return guarded
