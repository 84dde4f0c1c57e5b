"""Follows an expression to the number in a file of settings (YAML, JSON) that the run has read.

lr=cfg.optimizer.lr, lr=float(config["lr"]), **settings["optimizer"]: the keys of the expression lead to it. The
file's own text stays as it is, comments and all, but for that number.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
import yaml

from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import number_text
from descend.doctor.source.literals import STEPS
from descend.doctor.source.locate import is_users
from descend.doctor.source.names import assigned_value, subscript_key, text_of
from descend.doctor.source.syntax import Syntax, last_name
from descend.ground.errors import TOO_DEEP, UsageError

CONVERSIONS = frozenset({"float", "int", "bool"})
TRUTHS = {"true": True, "false": False}
SUFFIXES = (".yaml", ".yml", ".json")
LARGEST = 100_000  # bytes; what is larger holds data
MOST = 16  # files; a script that reads more of them reads its data so
CLOSE = 1e-6  # relative; what a run shows has been through other types

Keys = tuple[str, ...]


@dataclass(frozen=True)
class Scalar:
    """One number or truth value in a file of settings."""

    file: Path
    start: int  # characters
    end: int
    text: str

    @property
    def is_number(self) -> bool:
        """Whether it is a number, and no truth value."""
        value = _value_of(self.text)
        return value is not None and not isinstance(value, bool)


def configured(
    script: Script, record: Record, syntax: Syntax, expression: cst.BaseExpression, now: Any, further: Keys = ()
) -> Scalar | None:
    """Return the only scalar that the keys of `expression`, and `further` ones, lead to; None where there is none.

    The longest common end of the keys decides. `now` is the value that the run showed, None where it is not known.
    """
    keys = _keys_of(syntax, expression) + further
    found: dict[int, list[Scalar]] = {}
    for path, scalar in _scalars(script, record):
        shared = _common_end(path, keys)
        if shared and (now is None or _is(_value_of(scalar.text), now)):
            found.setdefault(shared, []).append(scalar)
    best = found[max(found)] if found else []
    return best[0] if len(best) == 1 else None


def _keys_of(syntax: Syntax, expression: cst.BaseExpression | None, steps: int = STEPS) -> Keys:
    """Return the keys and attributes that an expression reads, outermost first; empty where there are none."""
    match expression:
        case cst.Attribute(value=value, attr=cst.Name(value=name)):
            return (*_keys_of(syntax, value, steps), name)
        case cst.Subscript(value=value) if (key := subscript_key(expression)) is not None:
            return (*_keys_of(syntax, value, steps), key)
        case cst.Call(func=cst.Attribute(value=value, attr=cst.Name("get")), args=[first, *_]):
            return (*_keys_of(syntax, value, steps), key) if (key := text_of(first.value)) is not None else ()
        case cst.Call(args=[only]) if last_name(expression.func) in CONVERSIONS:
            return _keys_of(syntax, only.value, steps)
        case cst.Name() if steps:
            return _keys_of(syntax, assigned_value(syntax, expression), steps - 1)
    return ()


def put(script: Script, values: Mapping[Scalar, Any]) -> Script:
    """Return the script with other values there."""
    for scalar in sorted(values, key=lambda scalar: -scalar.start):
        text = script.read(scalar.file)
        changed = text[: scalar.start] + _written(values[scalar]) + text[scalar.end :]
        script = script.edit(scalar.file, changed) if changed != text else script
    return script


def _value_of(text: str) -> float | bool | None:
    """Return what a scalar stands for, or None where it is neither a number nor a truth value.

    What YAML takes for text (1e-3) counts: the script makes a number of it.
    """
    try:
        return TRUTHS[text.lower()] if text.lower() in TRUTHS else float(text)
    except ValueError:
        return None


def _is(value: float | bool | None, now: Any) -> bool:
    if value is None or isinstance(value, bool) or not isinstance(now, int | float):
        return value is now
    return abs(value - now) <= CLOSE * abs(now)


def _written(value: Any) -> str:
    """Return the value so that YAML and JSON both take it for what it is: YAML wants a point before an exponent."""
    if isinstance(value, bool):
        return str(value).lower()
    text = number_text(value) if isinstance(value, float) else str(value)
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}.0e{exponent}" if e and "." not in mantissa else text


def _common_end(path: Keys, keys: Keys) -> int:
    same = 0
    for a, b in zip(reversed(path), reversed(keys)):
        if a != b:
            break
        same += 1
    return same


def settings_read(script: Script, record: Record) -> list[Path]:
    """Return the user's files of settings that the run has read."""
    named = [Path(name) for name in record.every(facts.FileRead) if name.endswith(SUFFIXES)]
    return [file for file in named if is_users(script, file) and 0 < _size(file) <= LARGEST][:MOST]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _scalars(script: Script, record: Record) -> Iterator[tuple[Keys, Scalar]]:
    for file in settings_read(script, record):
        try:
            text = script.read(file)
            yield from _below(yaml.compose(text), file, text)
        except (OSError, UsageError, yaml.YAMLError, *TOO_DEEP):
            continue


def _below(top: yaml.Node | None, file: Path, text: str) -> Iterator[tuple[Keys, Scalar]]:
    """Yield each number and truth value with its keys; what is read under several (an anchor) is left out."""
    shared = set[int]()
    nodes = list(_walk(top, (), set(), shared))
    for keys, node in nodes:
        start, end = node.start_mark.index, node.end_mark.index
        if _value_of(node.value) is not None and id(node) not in shared:
            yield keys, Scalar(file, start, end, text[start:end])


def _walk(
    node: yaml.Node | None, keys: Keys, seen: set[int], shared: set[int]
) -> Iterator[tuple[Keys, yaml.ScalarNode]]:
    """Yield each scalar once, with its keys; those that are reached again are in `shared` in the end.

    Aliases make a file of a few lines a tree of millions of nodes, or one without an end.
    """
    if node is None or id(node) in seen:
        shared.update(_scalars_in(node, set()))
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield keys, node
    entries: Sequence[Any] = node.value if isinstance(node, yaml.MappingNode) else ()
    for key, value in entries:
        yield from _walk(value, (*keys, str(key.value)), seen, shared)


def _scalars_in(node: yaml.Node | None, seen: set[int]) -> set[int]:
    """Return the ids of the scalars in a node."""
    if node is None or id(node) in seen:
        return set()
    seen.add(id(node))
    entries: Sequence[Any] = node.value if isinstance(node, yaml.MappingNode) else ()
    inner = [_scalars_in(value, seen) for _, value in entries]
    return set[int]().union({id(node)}, *inner)
