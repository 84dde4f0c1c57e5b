"""Map lines and positions between a text and an edited version of it."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache

NEWLINE = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")  # ends of lines in Python; str.splitlines splits at more characters
TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


def split_lines(text: str) -> list[str]:
    """Return the lines of Python source, each with its newline characters."""
    return NEWLINE.split(text)


def position_in_characters(text: str, line: int, column: int) -> tuple[int, int]:
    """Convert a position whose column counts UTF-8 bytes to one whose column counts characters."""
    lines = split_lines(text)
    if not 1 <= line <= len(lines):
        return line, column
    return line, len(lines[line - 1].encode()[:column].decode(errors="ignore"))


def map_token_end(before: str, after: str, position: tuple[int, int]) -> tuple[int, int] | None:
    """Return the position in `after` of a token that ends at `position` in `before`, or None if it was removed.

    Unchanged lines are matched first. A changed line is matched to the most similar line, and
    then these two lines are matched token by token.
    """
    line, column = position
    old, new = split_lines(before), split_lines(after)
    for tag, i1, i2, j1, j2 in _line_operations(old, new):
        if tag == "equal" and i1 < line <= i2:
            return line - i1 + j1, column
        if tag == "replace" and i1 < line <= i2:
            similarities = [_match_tokens(old[line - 1], changed).ratio() for changed in new[j1:j2]]
            j = j1 + similarities.index(max(similarities))
            mapped = _map_column(old[line - 1], new[j], column)
            return None if mapped is None else (j + 1, mapped)
    return None


def original_line(before: str, after: str, line: int) -> int | None:
    """Return the number of the line in `before` that became line `line` of the edited source `after`, or None.

    A changed line is mapped to the last of the lines that it replaces.
    """
    old, new = before.splitlines(), after.splitlines()
    for tag, i1, i2, j1, j2 in _line_operations(old, new):
        if j1 < line <= j2:
            return i1 + line - j1 if tag == "equal" else min(max(i1, i2 - 1), len(old) - 1) + 1
    return None


@lru_cache(maxsize=8)  # The result is cached, because every edit that is tried compares the same two texts.
def inserted_lines(before: str, after: str) -> frozenset[int]:
    """Return the numbers of the lines that an edit inserted; a changed line does not count."""
    old, new, found = before.splitlines(), after.splitlines(), set[int]()
    for tag, i1, i2, j1, j2 in _line_operations(old, new):
        if tag in ("insert", "replace"):
            changed = {
                max(range(j1, j2), key=lambda j: SequenceMatcher(None, line, new[j]).ratio()) for line in old[i1:i2]
            }
            found |= {j + 1 for j in range(j1, j2) if j not in changed}
    return frozenset(found)


def _line_operations(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield the edit operations that turn the lines `old` into `new`, as ``SequenceMatcher.get_opcodes`` does."""
    yield from SequenceMatcher(None, old, new, autojunk=False).get_opcodes()


def _match_tokens(before: str, after: str) -> "SequenceMatcher[str]":
    """Return a SequenceMatcher that compares two lines token by token."""
    return SequenceMatcher(None, TOKEN.findall(before), TOKEN.findall(after), autojunk=False)


def _map_column(before: str, after: str, column: int) -> int | None:
    """Return the column in the line `after` of a token that ends at `column` in the line `before`, or None."""
    old, new = TOKEN.findall(before), TOKEN.findall(after)
    for i, j, size in _match_tokens(before, after).get_matching_blocks():
        for k in range(1, size + 1):
            if len("".join(old[: i + k])) == column:
                return len("".join(new[: j + k]))
    return None
