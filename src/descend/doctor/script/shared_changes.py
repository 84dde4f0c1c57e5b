"""Whether two patches of the same files make one and the same change somewhere."""

import re
from dataclasses import dataclass, field

HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@")
IMPORT = re.compile(r"\s*(import|from)\s")


@dataclass
class _Change:
    """Neighbouring lines that a patch replaces, inserts or deletes. line: in the file as it was."""

    file: str
    line: int
    removed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    def is_in(self, other: "_Change") -> bool:
        """Whether both replace some of the same lines by the same, or insert the same at the same place."""
        if self.file != other.file:
            return False
        if not self.removed and not other.removed:
            return self.line == other.line and bool(set(self.added) & set(other.added))
        ends = min(self.line + len(self.removed), other.line + len(other.removed))
        if max(self.line, other.line) >= ends:
            return False
        return bool(set(self.added) & set(other.added)) or not (self.added or other.added)


def share_a_change(patch: str, other: str) -> bool:
    """Tell whether a patch changes some lines as another one does; an import that both need is no such change."""
    return any(a.is_in(b) for a in _changes(patch) for b in _changes(other))


def _changes(patch: str) -> list[_Change]:
    found: list[_Change] = []
    file, line, before, after = "", 0, 0, 0
    is_open = False
    for text in patch.split("\n"):
        if hunk := HUNK.match(text):
            line, before, after = int(hunk[1]), int(hunk[2] or 1), int(hunk[3] or 1)
            line += before == 0  # an insertion comes after the line that its hunk names
            is_open = False
        elif not (before or after):
            file = text[4:].split("\t")[0] if text.startswith("--- ") else file
        elif text[:1] in ("-", "+"):
            if not is_open:
                found.append(_Change(file, line))
            is_open = True
            (found[-1].removed if text[0] == "-" else found[-1].added).append(text[1:])
            before, after, line = before - (text[0] == "-"), after - (text[0] == "+"), line + (text[0] == "-")
        elif not text.startswith("\\"):
            before, after, line, is_open = before - 1, after - 1, line + 1, False
    return [change for change in found if not all(IMPORT.match(text) for text in (*change.removed, *change.added))]
