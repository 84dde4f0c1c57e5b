"""Plain copies of a script's values: C code reads their contents and ignores methods that the script overrides."""

from typing import Any


def exact(value: Any) -> Any:
    """Return a text, number, tuple or list of these as one of Python's own types; anything else as it is."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return memoryview(value).tobytes()
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__index__(value)
    if isinstance(value, tuple):
        return tuple(map(exact, tuple.__iter__(value)))
    if isinstance(value, list):
        return list(map(exact, list.__iter__(value)))
    return value
