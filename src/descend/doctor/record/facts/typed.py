"""Conversion of stored or received facts to their dataclasses. Only the parent does it: it needs msgspec."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from descend.doctor.record import facts
from descend.doctor.record.facts.named import name_of

F = TypeVar("F")


def typed(kind: type[F], detail: Mapping[str, Any]) -> F:
    """Convert the fields of a stored observation to an instance of `kind`. Raises `ValueError` if they do not fit."""
    return msgspec.convert(detail, kind, str_keys=True)


def _observation_types() -> Iterator[type]:
    """Yield each dataclass of observations in the package `facts`, except for base classes and parts of others."""
    types = [kind for kind in vars(facts).values() if isinstance(kind, type)]
    bases = {base for kind in types for base in kind.__mro__[1:]}
    within = {part for kind in types for hint in get_type_hints(kind).values() for part in _nested_type_hints(hint)}
    yield from (kind for kind in types if kind not in bases and kind not in within)


def _nested_type_hints(hint: Any) -> Iterator[Any]:
    """Yield a type hint and all type hints within it, such as `int` within `tuple[int, ...]`."""
    yield hint
    for part in get_args(hint):
        yield from _nested_type_hints(part)


# the dataclass of each kind of observation, by the name under which it is sent and stored
KINDS: dict[str, type] = {name_of(kind): kind for kind in _observation_types()}
