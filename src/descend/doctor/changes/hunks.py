"""The hunks of a unified diff, and their places in a file.

As in GNU patch, a hunk belongs to the nearest place where all its context and removed lines match. In contrast to GNU
patch, no context line is ever ignored (its option `--fuzz=0`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from descend.core.control_characters import on_one_line, shortened
from descend.doctor.redaction import mask_secrets
from descend.doctor.script.script import split_lines

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Hunk:
    """One block of a unified diff, which replaces consecutive lines of a file. Each line has its line end."""

    file: str  # name of the file, as the patch spells it
    header: str  # "@@ -3,7 +3,8 @@"
    old_start: int  # index of the first line in the old file, counted from 0
    new_start: int  # index of the first line in the new file, counted from 0
    old: tuple[str, ...] = ()  # context lines and removed lines
    new: tuple[str, ...] = ()  # context lines and added lines
    leading: int = 0  # number of context lines above the first change
    trailing: int = 0  # number of context lines below the last change

    @property
    def label(self) -> str:
        """The file and the header of the hunk, such as `train.py @@ -3,7 +3,8 @@`."""
        return f"{on_one_line(self.file)} {self.header}"

    def reverse(self) -> "Hunk":
        """Return the hunk that undoes this one."""
        return replace(self, old_start=self.new_start, new_start=self.old_start, old=self.new, new=self.old)

    def decode(self, encoding: str) -> "Hunk":
        """Return the hunk with lines that are not UTF-8 decoded in `encoding`. Raises `UnicodeDecodeError`."""
        return replace(
            self,
            old=tuple(_decode_line(line, encoding) for line in self.old),
            new=tuple(_decode_line(line, encoding) for line in self.new),
        )


class HunkMismatch(Exception):
    """Raised if a hunk does not match its file. `reason` says which line of the file is different."""

    def __init__(self, hunk: Hunk, reason: str) -> None:
        super().__init__(reason)
        self.hunk, self.reason = hunk, reason


def replace_lines(hunks: Sequence[Hunk], text: str) -> str:
    """Return the text of a file with hunks applied.

    Raises `HunkMismatch` if a hunk matches at no place after the previous hunk.
    """
    lines = split_lines(text)
    parts: list[str] = []
    free = offset = 0  # index of the first line below the previous hunk; distance of that hunk from its stated place
    for hunk in hunks if not has_only_crlf(lines) else with_crlf(hunks):
        start = _find_place(hunk, lines, hunk.old_start + offset, free)
        if start is None:
            raise HunkMismatch(hunk, _mismatch_message(hunk, lines, hunk.old_start + offset))
        parts += lines[free:start]
        free, offset = start + len(hunk.old), start - hunk.old_start
        parts += hunk.new
    parts += lines[free:]
    # A line without a line end may no longer be the last one. GNU patch adds the line end, too.
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in parts[:-1]) + "".join(parts[-1:])


def has_only_crlf(lines: Sequence[str]) -> bool:
    r"""Return whether at least one line ends in `\r\n` and no line ends in `\n` alone."""
    ends = {line.endswith("\r\n") for line in lines if line.endswith("\n")}
    return ends == {True}


def with_crlf(hunks: Sequence[Hunk]) -> Sequence[Hunk]:
    r"""Return hunks for a file whose lines end in `\r\n`, if the patch was made from a version with other line ends."""
    lines = [line for hunk in hunks for line in (*hunk.old, *hunk.new)]
    is_other = any(line.endswith("\n") for hunk in hunks for line in hunk.old)
    if not is_other or any(line.endswith("\r\n") for line in lines):
        return hunks
    return [
        replace(hunk, old=tuple(map(_line_with_crlf, hunk.old)), new=tuple(map(_line_with_crlf, hunk.new)))
        for hunk in hunks
    ]


def _line_with_crlf(line: str) -> str:
    r"""Return a line with the line end `\r\n` in place of `\n`."""
    return line.removesuffix("\n") + "\r\n" if line.endswith("\n") else line


def _decode_line(line: str, encoding: str) -> str:
    """Decode a line in `encoding` if its bytes were not UTF-8, which its surrogate escapes show."""
    return line.encode("utf-8", "surrogateescape").decode(encoding) if _SURROGATE.search(line) else line


def _find_place(hunk: Hunk, lines: Sequence[str], guess: int, free: int) -> int | None:
    """Return the index of the line at which a hunk matches, nearest to `guess` and not above `free`; None if none does.

    A hunk with fewer context lines below than above comes from the end of a file, so the end is preferred.
    """
    size = len(hunk.old)
    if not size:
        return guess if free <= guess <= len(lines) else None
    old, last = list(hunk.old), len(lines) - size
    places = [i for i in range(free, last + 1) if lines[i] == old[0] and lines[i : i + size] == old]
    if hunk.trailing < hunk.leading and last in places:
        return last
    # Of two places at the same distance, GNU patch takes the later one.
    return min(places, key=lambda i: (abs(i - guess), i < guess), default=None)


def _mismatch_message(hunk: Hunk, lines: Sequence[str], guess: int) -> str:
    """Return which line of a file is not as a hunk expects it."""
    if not hunk.old:
        return f"it adds lines after line {guess}, but only {len(lines)} lines are there or are left by earlier hunks"
    for line in hunk.old:
        if line not in lines:
            twin = next((other for other in lines if other.split() == line.split() and line.split()), None)
            found = "" if twin is None else f" (only {_quoted(twin)}, with other blanks or another line end)"
            return f"there is no line {_quoted(line)}{found}"
    for i, line in enumerate(hunk.old, guess):
        if not 0 <= i < len(lines):
            return f"it expects {_quoted(line)} in line {i + 1}, but there are only {len(lines)} lines"
        if lines[i] != line:
            return f"it expects {_quoted(line)} in line {i + 1}, but that line is {_quoted(lines[i])}"
    return "its lines overlap those of the previous hunk"


def _quoted(line: str) -> str:
    """Return a line of a file for a message: shortened, in quotes and without secrets."""
    return f'"{on_one_line(shortened(mask_secrets(line.rstrip())))}"'
