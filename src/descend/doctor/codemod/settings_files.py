"""Find and change the number in a settings file (YAML or JSON) that defines the value of an expression.

The keys of ``lr=cfg.optimizer.lr``, ``lr=float(config["lr"])`` or ``**settings["optimizer"]`` lead to the number.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import libcst as cst

from descend.doctor.codemod.file_scalars import Keys, Scalar, scalar_value, scalars_in_file
from descend.doctor.codemod.literals import MAX_STEPS
from descend.doctor.codemod.locate import is_user_file
from descend.doctor.codemod.names import assigned_value, string_value, subscript_key
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.record import Record, facts
from descend.doctor.script.script import Script

CONVERSIONS = frozenset({"float", "int", "bool"})
SUFFIXES = (".yaml", ".yml", ".json")
MAX_BYTES = 100_000  # largest size of a settings file; larger files probably contain data
MAX_FILES = 16  # largest number of settings files; a script that reads more probably reads its data from them
RELATIVE_TOLERANCE = 1e-6  # relative tolerance for recorded values, which may have been rounded to another number type


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
        if shared and (now is None or _equals_observed(scalar_value(scalar.text), now)):
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


def _equals_observed(value: float | bool | None, now: Any) -> bool:
    """Return whether a value in a settings file equals the value that the run used, up to rounding."""
    if value is None or isinstance(value, bool) or not isinstance(now, int | float):
        return value is now
    return abs(value - now) <= RELATIVE_TOLERANCE * abs(now)


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
    return small_user_files(script, [Path(name) for name in record.every(facts.FileRead) if name.endswith(SUFFIXES)])


def small_user_files(script: Script, files: Sequence[Path]) -> list[Path]:
    """Return those of the files that are the user's and small enough for settings, at most `MAX_FILES`."""
    return [file for file in files if is_user_file(script, file) and 0 < _size(file) <= MAX_BYTES][:MAX_FILES]


def _size(file: Path) -> int:
    """Return the size of a file in bytes, or 0 if it cannot be read."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _scalars(script: Script, record: Record) -> Iterator[tuple[Keys, Scalar]]:
    """Yield each number and boolean in the settings files, perhaps in quotes, with the keys that lead to it."""
    for file in settings_files_read(script, record):
        for keys, scalar in scalars_in_file(script, file):
            if scalar_value(scalar.text.strip("\"'")) is not None:
                yield keys, scalar
