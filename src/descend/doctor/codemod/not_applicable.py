"""The exception that a remedy raises if it cannot edit a script."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class NotApplicable(Exception):
    """Raised if a remedy cannot edit this script; `reason` is the message for the user."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class AlreadySet(NotApplicable):
    """Raised if an edit would change nothing, because the script already has the new value."""


def if_applicable(
    function: Callable[Arguments, Result], *args: Arguments.args, **keywords: Arguments.kwargs
) -> Result | None:
    """Return what the function returns, or None if it raises NotApplicable."""
    try:
        return function(*args, **keywords)
    except NotApplicable:
        return None
