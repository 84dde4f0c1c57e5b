"""A fact's type given back to what was sent or kept of it, in the parent: the script's own process needs no msgspec."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from descend.doctor.record import facts
from descend.doctor.record.facts.named import name_of
from descend.doctor.record.facts.older import as_now

F = TypeVar("F")


def typed(kind: type[F], detail: Mapping[str, Any]) -> F:
    """Return a fact of a type. Raises `ValueError` where a value is of another type, or one that must be is missing."""
    return msgspec.convert(as_now(kind, detail), kind, str_keys=True)


def _sent() -> Iterator[type]:
    """Yield the types that are sent: not what others begin with, as `Edit`, nor what is told within them, as `Line`."""
    types = [kind for kind in vars(facts).values() if isinstance(kind, type)]
    bases = {base for kind in types for base in kind.__mro__[1:]}
    within = {part for kind in types for hint in get_type_hints(kind).values() for part in _parts(hint)}
    yield from (kind for kind in types if kind not in bases and kind not in within)


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for part in get_args(hint):
        yield from _parts(part)


KINDS: dict[str, type] = {name_of(kind): kind for kind in _sent()}  # by the name that each is sent under
