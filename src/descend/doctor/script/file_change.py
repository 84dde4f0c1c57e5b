"""The change that a patch makes to one file, in the stored form: SHA-256 of both texts, and the replaced lines.

A store may have been edited or copied from another machine, so nothing in a `FileChange` is trusted: neither its path
nor its lines.
"""

import hashlib
import os
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from descend.core.control_characters import on_one_line
from descend.core.errors import UsageError
from descend.doctor.script.script import Script, encode_source, source_encoding, split_lines


@dataclass(frozen=True)
class FileChange:
    """The change that a patch makes to one file."""

    file: str
    before: str  # SHA-256 of the text that the doctor read; "" if the patch creates the file
    after: str  # SHA-256 of the new text
    # Each entry (start, end, text) replaces the lines from `start` up to, but not including, `end`, counted from 0.
    lines: tuple[tuple[int, int, str], ...]

    @property
    def name(self) -> str:
        """The file's name for messages, relative to the current directory if the file is below it."""
        name = os.path.relpath(self.file) if self.file and "\0" not in self.file else self.file
        return on_one_line(self.file if name.startswith(os.pardir) else name)

    def apply_to(self, old: bytes) -> bytes | None:
        """Apply the change to a file's bytes and return the new bytes; None if the change does not fit these bytes."""
        try:
            lines = split_lines(old.decode(source_encoding(old)))
            for start, end, text in reversed(self.lines):
                lines[start:end] = [text]
            new = encode_source(Path(self.file), old, "".join(lines))
        except (ValueError, SyntaxError, UsageError):  # The texts cannot be decoded or encoded as Python source.
            return None
        return new if sha256_of(new) == self.after else None


def changes_of(script: Script) -> tuple[FileChange, ...]:
    """Convert the edits of a script to changes, one for each edited file."""
    return tuple(_file_change(script, file, text) for file, text in sorted(script.edits.items()))


def is_below_working_directory(path: str) -> bool:
    """Return whether a path, with links resolved, is below the current directory."""
    return Path(path).is_relative_to(os.path.realpath(os.getcwd()))


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def _file_change(script: Script, file: Path, text: str) -> FileChange:
    """Convert the edited text of one file to a `FileChange`, which replaces lines of the original text."""
    old, new = script.original_bytes(file), script.encode(file, text)
    a, b = (split_lines(data.decode(source_encoding(data))) for data in (old, new))
    found = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    lines = tuple((i, j, "".join(b[k:m])) for tag, i, j, k, m in found if tag != "equal")
    return FileChange(str(file), "" if script.is_created(file) else sha256_of(old), sha256_of(new), lines)
