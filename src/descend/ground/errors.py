"""What a user got wrong, and what descend itself cannot do, each said in one line; the exit statuses of both."""

WRONG_USAGE = 2
OWN_FAILURE = 5  # descend itself failed: 1 means findings
TOO_DEEP = (RecursionError, MemoryError)  # what CPython's parsers raise for a text that is nested too deeply


class UsageError(Exception):
    """A bad value from outside: the message names the value and what to do. Ends a command with status 2."""


class OwnFailure(Exception):
    """Something that descend cannot go on from, and that is no fault of the script. Ends a command with status 5."""


def reason_of(error: Exception) -> str:
    """Return an error's reason in one line: the system's words for its number, or else its own text."""
    return getattr(error, "strerror", None) or str(error)
