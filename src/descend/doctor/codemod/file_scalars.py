"""Read single values, with their positions, from a settings file in YAML, JSON or TOML, and replace them.

An edit replaces the value only; the rest of the file, with its comments, stays the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from descend.core.errors import TOO_DEEP, UsageError
from descend.doctor.codemod.arguments import format_number
from descend.doctor.codemod.toml_values import toml_values
from descend.doctor.script.script import Script

BOOLEANS = {"true": True, "false": False}

Keys = tuple[str, ...]


@dataclass(frozen=True)
class Scalar:
    """A number, boolean or string at a place in a settings file."""

    file: Path
    start: int  # position of the scalar's first character in the file; `end` is after the last one
    end: int
    text: str

    @property
    def is_number(self) -> bool:
        """Return whether the scalar is a number and not a boolean."""
        value = scalar_value(self.text)
        return value is not None and not isinstance(value, bool)


def scalar_value(text: str) -> float | bool | None:
    """Return the number or boolean that a text in a settings file represents, or None for other texts.

    YAML reads 1e-3 as text. It counts as a number, as the script converts it to one.
    """
    try:
        return BOOLEANS[text.lower()] if text.lower() in BOOLEANS else float(text)
    except ValueError:
        return None


def replace_scalars(script: Script, values: Mapping[Scalar, Any]) -> Script:
    """Return the script with new values for scalars in its settings files. A string is inserted as it is."""
    for scalar in sorted(values, key=lambda scalar: -scalar.start):
        text = script.read(scalar.file)
        changed = text[: scalar.start] + _format_scalar(values[scalar]) + text[scalar.end :]
        script = script.edit(scalar.file, changed) if changed != text else script
    return script


def _format_scalar(value: Any) -> str:
    """Return a number or boolean as text for YAML and JSON; return a string unchanged."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return with_decimal_point(format_number(value) if isinstance(value, float) else str(value))


def with_decimal_point(text: str) -> str:
    """Return a number with a decimal point before its exponent, without which YAML reads the number as text."""
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text


def scalars_in_file(script: Script, file: Path) -> list[tuple[Keys, Scalar]]:
    """Return the scalars of a settings file with the keys that lead to them; [] if the file cannot be read.

    A scalar that a YAML anchor gives to several keys is left out.
    """
    try:
        text = script.read(file)
        if file.suffix == ".toml":
            spans = toml_values(text)
        else:
            spans = list(_unshared_spans(yaml.compose(text)))
    except (OSError, UsageError, ValueError, yaml.YAMLError, *TOO_DEEP):
        return []
    return [(keys, Scalar(file, start, end, text[start:end])) for keys, start, end in spans]


def _unshared_spans(top: yaml.Node | None) -> Iterator[tuple[Keys, int, int]]:
    """Yield the keys and the two ends of each scalar, except those that a YAML anchor gives to several keys."""
    shared = set[int]()
    nodes = list(_scalars_with_keys(top, (), set(), shared))
    for keys, node in nodes:
        if id(node) not in shared:
            yield keys, node.start_mark.index, node.end_mark.index


def _scalars_with_keys(
    node: yaml.Node | None, keys: Keys, seen: set[int], shared: set[int]
) -> Iterator[tuple[Keys, yaml.ScalarNode]]:
    """Yield each scalar node of a YAML tree once, with its keys, and add the ids of shared nodes to `shared`.

    Without this check, YAML aliases could turn a few lines into a tree of millions of nodes or an infinite one.
    """
    if node is None or id(node) in seen:
        shared.update(_scalar_ids(node, set()))
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield keys, node
    entries: Sequence[Any] = node.value if isinstance(node, yaml.MappingNode) else ()
    for key, value in entries:
        yield from _scalars_with_keys(value, (*keys, str(key.value)), seen, shared)


def _scalar_ids(node: yaml.Node | None, seen: set[int]) -> set[int]:
    """Return the ids of a YAML node and of all nodes in it."""
    if node is None or id(node) in seen:
        return set()
    seen.add(id(node))
    entries: Sequence[Any] = node.value if isinstance(node, yaml.MappingNode) else ()
    inner = [_scalar_ids(value, seen) for _, value in entries]
    return set[int]().union({id(node)}, *inner)
