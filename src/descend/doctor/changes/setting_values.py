"""Check the new value of a setting, and write it as the script's source, settings file or command line needs it.

The user's text is inserted as it was typed if it is a Python literal. Other texts are strings without their quotes.
"""

import ast
import json
import re
import tomllib
from collections.abc import Callable
from math import isfinite
from typing import Any

import yaml

from descend.core.errors import TOO_DEEP
from descend.doctor.changes.found_setting import Value
from descend.doctor.codemod.file_scalars import BOOLEANS, with_decimal_point

PLAIN = re.compile(r"[\w./-]+")  # strings that YAML reads as strings without quotes, unless they are another literal
YAML_BOOLEANS = {**BOOLEANS, "yes": True, "no": False, "on": True, "off": False}
NULLS = frozenset({"null", "~"})
NULL = "null"
READERS: dict[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".toml": lambda text: tomllib.loads(f"value = {text}")["value"],
}


class WrongType(Exception):
    """Raised if a new value has another type than the present one. The message says what the value has to be."""


def literal_value(code: str) -> Value:
    """Return the value of a Python literal: a number, a boolean, None or a string. Other texts are strings."""
    try:
        tree = ast.parse(code, mode="eval").body
        # A comment or brackets around the literal would be inserted into the script, too.
        if ast.get_source_segment(code, tree) != code:
            return code
        value = ast.literal_eval(tree)
    except (SyntaxError, ValueError, TypeError, *TOO_DEEP):
        return code
    return value if value is None or isinstance(value, bool | int | float | str) else code


def passed_value(text: str) -> Value:
    """Return the value that an argument of the command line or a plain scalar of YAML represents."""
    return BOOLEANS.get(text.lower(), literal_value(text))


def scalar_text_value(text: str, suffix: str) -> Value:
    """Return the value of a scalar in a settings file with the given suffix."""
    if text.lower() in NULLS:
        return None
    known = YAML_BOOLEANS if suffix != ".toml" else BOOLEANS
    return known.get(text.lower(), literal_value(text))


def checked_value(text: str, now: Value, *, is_fraction: bool) -> Value:
    """Return the value of the user's text. Raise `WrongType` if its type differs from that of the present value `now`.

    None replaces every value, and is replaced by every value. `is_fraction` states that an integer may become a float.
    """
    value = literal_value(text)
    if now is None or value is None:
        return value
    if isinstance(now, bool):
        return _checked_boolean(value)
    if isinstance(now, str):
        return _checked_string(value, text, now)
    if isinstance(value, bool | str) or (isinstance(value, float) and not isfinite(value)):
        raise WrongType("a number")
    # 0 and 1 are often written for 0.0 and 1.0, as in momentum=0.
    if isinstance(now, int) and isinstance(value, float) and now not in (0, 1) and not is_fraction:
        raise WrongType(f"a whole number (write {now}.0 in the script to allow fractions)")
    return value


def _checked_boolean(value: Value) -> bool:
    """Return the boolean that a value represents, or raise `WrongType`."""
    found = BOOLEANS.get(value.lower()) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise WrongType("True or False")
    return found


def _checked_string(value: Value, text: str, now: str) -> str:
    """Return the string that a value represents. Raise `WrongType` if a number would replace a word."""
    if isinstance(value, str):
        return value
    if isinstance(literal_value(now), str):
        raise WrongType(f"a string (for a string, add quotes: '\"{text}\"')")
    return text


def source_code(value: Value, text: str, old: str) -> str:
    """Return the code of a value in Python source: the user's literal, or a string with the quotes of `old`."""
    if isinstance(value, str):
        if text != value:
            return text  # The user typed the quotes.
        quote = "'" if old.endswith("'") else '"'
        return f"{quote}{value}{quote}" if value.isprintable() and not {quote, "\\"} & {*value} else repr(value)
    return text if type(literal_value(text)) is type(value) else repr(value)


def argument_text(value: Value, text: str) -> str:
    """Return the text of a value in a command line: strings have no quotes there."""
    return value if isinstance(value, str) else text


def file_text(value: Value, text: str, old: str, suffix: str) -> str:
    """Return the text of a value in a settings file, in the user's notation if the file's format has it.

    Raise `WrongType` if the format cannot represent the value.
    """
    if value is None and suffix == ".toml":
        raise WrongType("a value in TOML, which has no null")
    if value is None or isinstance(value, bool):
        return NULL if value is None else str(value).lower()
    if isinstance(value, str):
        is_plain = suffix not in READERS and old[:1] not in "\"'" and PLAIN.fullmatch(value)
        return value if is_plain and _read(value, suffix) == value else json.dumps(value, ensure_ascii=False)
    typed = with_decimal_point(text.lower())
    return typed if _read(typed, suffix) == value else with_decimal_point(repr(value))


def _read(text: str, suffix: str) -> Any:
    """Return the value that a settings file with the suffix has for a scalar; None if the format does not accept it."""
    try:
        return READERS.get(suffix, yaml.safe_load)(text)
    except (ValueError, yaml.YAMLError):
        return None
