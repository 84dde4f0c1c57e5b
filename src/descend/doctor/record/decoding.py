"""The one place where rows of a store become typed values: a store may be damaged, edited, or of another descend."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, TypeVar

import msgspec

from descend.ground.errors import UsageError

WRONG = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)  # of what cannot be read
LONGEST_REASON = 120  # characters

T = TypeVar("T")


@contextmanager
def intact(what: str) -> Iterator[None]:
    """Raise `UsageError` with one line if what was kept cannot be read; what: the run and its store."""
    try:
        yield
    except WRONG as error:
        reason = (str(error).splitlines() or [""])[0][:LONGEST_REASON]
        known = reason if isinstance(error, ValueError) else f"{type(error).__name__}: {reason}"
        raise UsageError(f"{what} cannot be read: it is damaged, or of another descend ({known})") from None


def decoded(kind: type[T], text: Any, name: str) -> T:
    """Return the value that a row keeps as JSON; name: the row's, for messages. Raises one of `WRONG`."""
    return as_type(kind, plain(text, name), name)


def plain(text: Any, name: str) -> Any:
    """Return the JSON value of a row. Raises one of `WRONG`."""
    if not isinstance(text, str):
        raise ValueError(f"{name}: not a text")
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def as_type(kind: type[T], value: Any, name: str) -> T:
    """Return a plain value as a value of a type, field by field. Raises `ValueError` that says what is wrong where."""
    try:
        return msgspec.convert(value, kind, str_keys=True)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def without_unknown(kind: type[Any], value: Any, name: str) -> Any:
    """Return a plain value. Raises `ValueError` if it has a field that the type does not have."""
    known = {field.name for field in fields(kind)}
    if isinstance(value, Mapping) and (unknown := sorted(map(str, value.keys() - known))):
        raise ValueError(f"{name}: there is no field {unknown[0]!r}")
    return value
