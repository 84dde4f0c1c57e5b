"""A fact's type given back to what was sent or kept of it, in the parent: the script's own process needs no msgspec."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from descend.record import facts
from descend.record.facts.named import name_of
from descend.record.facts.older import as_now

F = TypeVar("F")

KINDS: dict[str, type] = {name_of(kind): kind for kind in vars(facts).values() if isinstance(kind, type)}


def typed(kind: type[F], detail: Mapping[str, Any]) -> F:
    """Return a fact of a type. Raises `ValueError` where a value is of another type, or one that must be is missing."""
    return msgspec.convert(as_now(kind, detail), kind, str_keys=True)
