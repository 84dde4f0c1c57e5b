"""What a patch does to a file, as a store keeps it: the digests of both texts, and the lines that differ.

A store may have been edited or come from elsewhere, so that nothing in a `Change` is trusted: neither its path nor its
lines.
"""

import hashlib
import os
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from descend.doctor.script.script import Script, lines_of, source_encoding
from descend.ground.control_characters import on_one_line


@dataclass(frozen=True)
class Change:
    """What a patch does to one file."""

    file: str
    before: str  # SHA-256 of what the doctor read,
    after: str  # and of what it is to become
    lines: tuple[tuple[int, int, str], ...]  # from this line up to that one, from 0: the new text

    @property
    def name(self) -> str:
        """The file's name for messages: relative to the current directory if it is below it."""
        name = os.path.relpath(self.file) if self.file and "\0" not in self.file else self.file
        return on_one_line(self.file if name.startswith(os.pardir) else name)

    def applied_to(self, old: bytes) -> bytes | None:
        """Return the new text; None if the change does not fit the old one."""
        try:
            encoding = source_encoding(old)
            lines = lines_of(old.decode(encoding))
            for start, end, text in reversed(self.lines):
                lines[start:end] = [text]
            new = "".join(lines).encode(encoding)
        except (ValueError, SyntaxError):  # the lines cannot be encoded, or the old text is no source
            return None
        return new if digest(new) == self.after else None


def changes_of(script: Script) -> tuple[Change, ...]:
    """Return what a script's edits do to its files."""
    return tuple(_change(script, file, text) for file, text in sorted(script.edits.items()))


def is_below_here(path: str) -> bool:
    """Whether a path without links is below the current directory."""
    return Path(path).is_relative_to(os.path.realpath(os.getcwd()))


def digest(data: bytes) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(data).hexdigest()


def _change(script: Script, file: Path, text: str) -> Change:
    old, new = script.kept(file), script.encode(file, text)
    a, b = (lines_of(data.decode(source_encoding(old))) for data in (old, new))
    found = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    lines = tuple((i, j, "".join(b[k:m])) for tag, i, j, k, m in found if tag != "equal")
    return Change(str(file), digest(old), digest(new), lines)
