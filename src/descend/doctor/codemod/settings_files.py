"""Find and change the number in a settings file (YAML or JSON) that defines the value of an expression.

The keys of ``lr=cfg.optimizer.lr``, ``lr=float(config["lr"])`` or ``**settings["optimizer"]`` lead to the number.
An edit replaces that number only; the rest of the file, with its comments, stays the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
import yaml

from descend.core.errors import TOO_DEEP, UsageError
from descend.doctor.codemod.arguments import format_number
from descend.doctor.codemod.literals import MAX_STEPS
from descend.doctor.codemod.locate import is_user_file
from descend.doctor.codemod.names import assigned_value, string_value, subscript_key
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script

CONVERSIONS = frozenset({"float", "int", "bool"})
BOOLEANS = {"true": True, "false": False}
SUFFIXES = (".yaml", ".yml", ".json")
MAX_BYTES = 100_000  # largest size of a settings file; larger files probably contain data
MAX_FILES = 16  # largest number of settings files; a script that reads more probably reads its data from them
RELATIVE_TOLERANCE = 1e-6  # relative tolerance for recorded values, which may have been rounded to another number type

Keys = tuple[str, ...]


@dataclass(frozen=True)
class Scalar:
    """A number or boolean at a place in a settings file."""

    file: Path
    start: int  # position of the scalar's first character in the file; `end` is after the last one
    end: int
    text: str

    @property
    def is_number(self) -> bool:
        """Return whether the scalar is a number and not a boolean."""
        value = _scalar_value(self.text)
        return value is not None and not isinstance(value, bool)


def find_scalar(
    script: Script, record: Record, syntax: Syntax, expression: cst.BaseExpression, now: Any, further: Keys = ()
) -> Scalar | None:
    """Return the only number or boolean in the settings files whose keys match those of the expression, or None.

    The longest common suffix of the keys decides. `now` is the value observed in the run, None if unknown.
    """
    keys = _keys_read(syntax, expression) + further
    found: dict[int, list[Scalar]] = {}
    for path, scalar in _scalars(script, record):
        shared = _common_suffix_length(path, keys)
        if shared and (now is None or _equals_observed(_scalar_value(scalar.text), now)):
            found.setdefault(shared, []).append(scalar)
    best = found[max(found)] if found else []
    return best[0] if len(best) == 1 else None


def _keys_read(syntax: Syntax, expression: cst.BaseExpression | None, steps: int = MAX_STEPS) -> Keys:
    """Return the keys that an expression reads, outermost first: ("optimizer", "lr") for ``cfg.optimizer.lr``."""
    match expression:
        case cst.Attribute(value=value, attr=cst.Name(value=name)):
            return (*_keys_read(syntax, value, steps), name)
        case cst.Subscript(value=value) if (key := subscript_key(expression)) is not None:
            return (*_keys_read(syntax, value, steps), key)
        case cst.Call(func=cst.Attribute(value=value, attr=cst.Name("get")), args=[first, *_]):
            return (*_keys_read(syntax, value, steps), key) if (key := string_value(first.value)) is not None else ()
        case cst.Call(args=[only]) if last_name(expression.func) in CONVERSIONS:
            return _keys_read(syntax, only.value, steps)
        case cst.Name() if steps:
            return _keys_read(syntax, assigned_value(syntax, expression), steps - 1)
    return ()


def replace_scalars(script: Script, values: Mapping[Scalar, Any]) -> Script:
    """Return the script with new values for the given numbers and booleans in its settings files."""
    for scalar in sorted(values, key=lambda scalar: -scalar.start):
        text = script.read(scalar.file)
        changed = text[: scalar.start] + _format_scalar(values[scalar]) + text[scalar.end :]
        script = script.edit(scalar.file, changed) if changed != text else script
    return script


def _scalar_value(text: str) -> float | bool | None:
    """Return the number or boolean that a text in a settings file represents, or None for other texts.

    YAML reads 1e-3 as text. It counts as a number, as the script converts it to one.
    """
    try:
        return BOOLEANS[text.lower()] if text.lower() in BOOLEANS else float(text)
    except ValueError:
        return None


def _equals_observed(value: float | bool | None, now: Any) -> bool:
    """Return whether a value in a settings file equals the value that the run used, up to rounding."""
    if value is None or isinstance(value, bool) or not isinstance(now, int | float):
        return value is now
    return abs(value - now) <= RELATIVE_TOLERANCE * abs(now)


def _format_scalar(value: Any) -> str:
    """Return a number or boolean as text for YAML and JSON; YAML needs a decimal point before an exponent."""
    if isinstance(value, bool):
        return str(value).lower()
    text = format_number(value) if isinstance(value, float) else str(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text


def _common_suffix_length(path: Keys, keys: Keys) -> int:
    """Return the number of keys at the end of both sequences that are equal."""
    same = 0
    for a, b in zip(reversed(path), reversed(keys)):
        if a != b:
            break
        same += 1
    return same


def settings_files_read(script: Script, record: Record) -> list[Path]:
    """Return the settings files of the user that the run has read."""
    named = [Path(name) for name in record.every(facts.FileRead) if name.endswith(SUFFIXES)]
    return [file for file in named if is_user_file(script, file) and 0 < _size(file) <= MAX_BYTES][:MAX_FILES]


def _size(file: Path) -> int:
    """Return the size of a file in bytes, or 0 if it cannot be read."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _scalars(script: Script, record: Record) -> Iterator[tuple[Keys, Scalar]]:
    """Yield each number and boolean in the settings files, with the keys that lead to it."""
    for file in settings_files_read(script, record):
        try:
            text = script.read(file)
            yield from _unshared_scalars(yaml.compose(text), file, text)
        except (OSError, UsageError, yaml.YAMLError, *TOO_DEEP):
            continue


def _unshared_scalars(top: yaml.Node | None, file: Path, text: str) -> Iterator[tuple[Keys, Scalar]]:
    """Yield each number and boolean of a file with its keys, except those that a YAML anchor gives to several keys."""
    shared = set[int]()
    nodes = list(_scalars_with_keys(top, (), set(), shared))
    for keys, node in nodes:
        start, end = node.start_mark.index, node.end_mark.index
        if _scalar_value(node.value) is not None and id(node) not in shared:
            yield keys, Scalar(file, start, end, text[start:end])


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
