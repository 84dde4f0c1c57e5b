"""Values that a damaged or edited store may hold in place of its own: chosen by hypothesis, or one for each field."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

TEXTS = [
    "",
    "***",
    "[/bold]",
    "[red",
    "\x1b[2J\x07",
    "\ud800",
    "\0",
    "-1",
    "NaN",
    "/etc/passwd",
    "/dev/zero",
    "../..",
    "é" * 300,
]
NUMBERS = [0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf"), float("-inf")]
OTHERS: list[Any] = [None, True, False, [], {}, [[]], [None], {"a": 1}, {"": {}}]
VALUES = st.sampled_from([*TEXTS, *NUMBERS, *OTHERS])
RAW: list[Any] = [
    "",
    "not JSON",
    "[",
    "[]",
    "{}",
    "null",
    "3",
    '"text"',
    '{"a": 1}',
    "[" * 100_000,
    b"\xff\x00\x01",
    7,
    0.5,
    None,
]


def paths(value: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each value within a JSON value; of the items of a list only that of the first."""
    yield ()
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, item in inner:
        yield from ((key, *path) for path in paths(item))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a JSON value with another one at a path."""
    if not path:
        return new
    changed = deepcopy(value)
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = new
    return changed


@st.composite
def mutants(draw: st.DrawFn, value: Any) -> Any:
    """Draw a JSON value of which one part is another, missing, or there twice."""
    path = draw(st.sampled_from(list(paths(value))))
    how = draw(st.sampled_from(["replaced", "replaced", "missing", "twice"])) if path else "replaced"
    if how == "replaced":
        return replaced(value, path, draw(VALUES))
    changed = deepcopy(value)
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    if how == "missing":
        del inside[path[-1]]
    elif isinstance(inside, list):
        inside.append(inside[path[-1]])
    else:
        inside[f"{path[-1]}_2"] = inside[path[-1]]
    return changed
