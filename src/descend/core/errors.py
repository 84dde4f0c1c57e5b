"""Exceptions with one-line messages for users: wrong usage and failures of descend itself; their exit statuses."""

WRONG_USAGE = 2
OWN_FAILURE = 5  # exit status if descend itself fails; status 1 means that descend found problems
TOO_DEEP = (RecursionError, MemoryError)  # CPython's parsers raise these errors for deeply nested text


class UsageError(Exception):
    """An error in the user's input. The message says which value is invalid and what is valid. The exit status is 2."""


class InternalError(Exception):
    """An error in descend itself, not in the user's script. The exit status is 5."""


def reason_of(error: Exception) -> str:
    """Return the reason for an error: the operating system's text for its errno, or else the error's own text."""
    return getattr(error, "strerror", None) or str(error)
