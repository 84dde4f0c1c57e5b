"""Conversion of stored rows to typed values. A store may be damaged, edited, or written by another version."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any, TypeVar

import msgspec

from descend.core.errors import UsageError

DECODING_ERRORS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
LONGEST_REASON = 120  # largest number of characters of a decoding error in a message to the user

T = TypeVar("T")


@contextmanager
def reporting_damage(what: str) -> Iterator[None]:
    """Raise a one-line `UsageError` if stored data cannot be decoded in the `with` block.

    what: the run and its store, as the message names them.
    """
    try:
        yield
    except DECODING_ERRORS as error:
        reason = (str(error).splitlines() or [""])[0][:LONGEST_REASON]
        known = reason if isinstance(error, ValueError) else f"{type(error).__name__}: {reason}"
        raise UsageError(f"{what} cannot be read: it is damaged or from another version of descend ({known})") from None


def decode_text(kind: type[T], text: Any, name: str) -> T:
    """Decode the JSON text in a database column and convert it to the type `kind`. Raises one of `DECODING_ERRORS`."""
    return as_type(kind, decode_json(text, name), name)


def decode_json(text: Any, name: str) -> Any:
    """Decode the JSON text in a database column to plain Python values. Raises one of `DECODING_ERRORS`."""
    if not isinstance(text, str):
        raise ValueError(f"{name}: not a text")
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def as_type(kind: type[T], value: Any, name: str) -> T:
    """Convert a JSON value to the type `kind`. Raises `ValueError` that names `name` and a field of the wrong type."""
    try:
        return msgspec.convert(value, kind, str_keys=True)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def reject_unknown_fields(kind: type[Any], value: Any, name: str) -> Any:
    """Return a JSON value unchanged. Raises `ValueError` if it has a field that the dataclass `kind` lacks."""
    known = {field.name for field in fields(kind)}
    if isinstance(value, Mapping) and (unknown := sorted(map(str, value.keys() - known))):
        raise ValueError(f"{name}: unknown field {unknown[0]!r}")
    return value
