"""Find the numbers, booleans and strings of a TOML file, with their keys and positions.

Only values on a line of their own are found: ``lr = 0.1`` under ``[optimizer]``, but no value in an inline table.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Any

from descend.doctor.codemod.line_mapping import split_lines

_KEY = r"[\w-]+|\"[^\"\\\n]*\"|'[^'\n]*'"
_KEYS = rf"(?:{_KEY})(?:[ \t]*\.[ \t]*(?:{_KEY}))*"
_END = r"[ \t]*(?:#[^\n]*)?[\r\n]*"
_TABLE = re.compile(rf"[ \t]*\[[ \t]*(?P<keys>{_KEYS})[ \t]*\]{_END}")
_VALUE = r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^\s#\"'\[\]{},]+"
_ENTRY = re.compile(rf"[ \t]*(?P<keys>{_KEYS})[ \t]*=[ \t]*(?P<value>{_VALUE}){_END}")

Span = tuple[tuple[str, ...], int, int]  # the keys of a value, and the positions of its two ends


def toml_values(text: str) -> list[Span]:
    """Return the values of a TOML file with their keys and positions. Raises `ValueError` if it is not valid TOML."""
    tree = tomllib.loads(text)
    found = list(_values_by_line(text, tree))
    # A line in a multi-line string may look like an entry. If a second line has the same keys, both are left out.
    often = Counter(keys for keys, _, _ in found)
    return [span for span in found if often[span[0]] == 1]


def _values_by_line(text: str, tree: dict[str, Any]) -> Iterator[Span]:
    """Yield each line's value, if the parsed file has the same value at these keys."""
    table: tuple[str, ...] = ()
    start = 0
    for line in split_lines(text):
        if (header := _TABLE.fullmatch(line)) is not None:
            table = _split_keys(header["keys"])
        elif (entry := _ENTRY.fullmatch(line)) is not None:
            keys = (*table, *_split_keys(entry["keys"]))
            if _is_value_at(tree, keys, entry["value"]):
                yield keys, start + entry.start("value"), start + entry.end("value")
        start += len(line)


def _split_keys(text: str) -> tuple[str, ...]:
    """Return the keys of a dotted key such as ``optimizer."lr"``."""
    return tuple(key.strip("\"'") for key in re.findall(_KEY, text))


def _is_value_at(tree: dict[str, Any], keys: tuple[str, ...], text: str) -> bool:
    """Return whether the parsed file has the value that `text` represents at the keys: a number, boolean or string."""
    found: Any = tree
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return False
    return isinstance(value, bool | int | float | str) and type(value) is type(found) and value == found
