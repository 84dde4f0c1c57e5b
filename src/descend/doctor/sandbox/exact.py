"""Copy a script's values to built-in types: C code ignores overridden methods, so the checks must too."""

from typing import Any


def to_builtin_type(value: Any) -> Any:
    """Convert a str, bytes, int, tuple or list of a subclass to the built-in type; return other values unchanged."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return memoryview(value).tobytes()
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__index__(value)
    if isinstance(value, tuple):
        return tuple(map(to_builtin_type, tuple.__iter__(value)))
    if isinstance(value, list):
        return list(map(to_builtin_type, list.__iter__(value)))
    return value
