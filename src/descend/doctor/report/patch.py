"""A unified diff, read line by line."""

import re
from collections import Counter
from dataclasses import dataclass

HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


@dataclass(frozen=True)
class DiffLine:
    """One line of a diff. kind: file, hunk, added, removed, context."""

    kind: str
    text: str


def read_diff(patch: str) -> list[DiffLine]:
    """Return the lines of a unified diff with their kinds.

    Hunk headers say how many lines follow, so a removed `-- x` is not taken for a file's header.
    """
    lines: list[DiffLine] = []
    before = after = 0
    for text in patch.replace("\r\n", "\n").split("\n"):
        if hunk := HUNK.match(text):
            before, after = (int(size or 1) for size in hunk.groups())
            lines.append(DiffLine("hunk", text))
        elif (before or after) and not text.startswith("\\"):
            kind = {"+": "added", "-": "removed"}.get(text[:1], "context")
            before -= kind != "added"
            after -= kind != "removed"
            lines.append(DiffLine(kind, text))
        elif text:
            lines.append(DiffLine("context" if text.startswith("\\") else "file", text))
    return lines


def summarise_diff(patch: str) -> str:
    """Return `train.py, +2 −1 lines`."""
    lines = read_diff(patch)
    sizes = Counter(line.kind for line in lines)
    files = [line.text[4:].split("\t")[0] for line in lines if line.kind == "file" and line.text[:3] == "+++"]
    changes = [f"{sign}{sizes[kind]}" for sign, kind in (("+", "added"), ("−", "removed")) if sizes[kind]]
    noun = "line" if sizes["added"] + sizes["removed"] == 1 else "lines"
    return f"{', '.join(dict.fromkeys(files))}, {' '.join(changes) or '±0'} {noun}"
