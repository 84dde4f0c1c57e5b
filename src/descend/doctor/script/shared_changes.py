"""Find out whether two patches of the same files share a change."""

import re
from dataclasses import dataclass, field

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")
IMPORT = re.compile(r"\s*(import|from)\s")


@dataclass
class _Edit:
    """A block of lines that a patch replaces, inserts or deletes.

    line: the number of the block's first line in the original file.
    """

    file: str
    line: int
    removed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    def overlaps(self, other: "_Edit") -> bool:
        """Return whether two edits change overlapping lines or insert at one position, and add a line in common."""
        if self.file != other.file:
            return False
        if not self.removed and not other.removed:
            return self.line == other.line and bool(set(self.added) & set(other.added))
        ends = min(self.line + len(self.removed), other.line + len(other.removed))
        if max(self.line, other.line) >= ends:
            return False
        return bool(set(self.added) & set(other.added)) or not (self.added or other.added)


def share_a_change(patch: str, other: str) -> bool:
    """Return whether two patches make a common change. Edits that only add or remove imports do not count."""
    return any(a.overlaps(b) for a in _parse_edits(patch) for b in _parse_edits(other))


def _parse_edits(patch: str) -> list[_Edit]:
    """Return the edits of a unified diff, without those that only add or remove imports."""
    found: list[_Edit] = []
    file, line, before, after = "", 0, 0, 0
    is_open = False
    for text in patch.split("\n"):
        if hunk := HUNK.match(text):
            line, before, after = int(hunk[1]), int(hunk[2] or 1), int(hunk[3] or 1)
            line += before == 0  # the hunk header of an insertion contains the number of the line above it
            is_open = False
        elif not (before or after):
            file = text[4:].split("\t")[0] if text.startswith("--- ") else file
        elif text[:1] in ("-", "+"):
            if not is_open:
                found.append(_Edit(file, line))
            is_open = True
            (found[-1].removed if text[0] == "-" else found[-1].added).append(text[1:])
            before, after, line = before - (text[0] == "-"), after - (text[0] == "+"), line + (text[0] == "-")
        elif not text.startswith("\\"):
            before, after, line, is_open = before - 1, after - 1, line + 1, False
    return [change for change in found if not all(IMPORT.match(text) for text in (*change.removed, *change.added))]
