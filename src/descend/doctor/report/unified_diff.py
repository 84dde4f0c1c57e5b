"""Parse and summarise patches in the unified diff format."""

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

from descend.doctor.script.notebook import SUFFIX, decode_source_line

HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")


Kind = Literal["file", "hunk", "added", "removed", "context"]


@dataclass(frozen=True)
class DiffLine:
    """One line of a diff. kind: "file", "hunk", "added", "removed" or "context"."""

    kind: Kind
    text: str


def read_diff(patch: str) -> list[DiffLine]:
    """Return the lines of a unified diff, each with its kind, such as "added".

    Lines are counted by the hunk headers, so that a removed `-- x` is not read as the header of a file.
    """
    lines: list[DiffLine] = []
    before = after = 0
    for text in patch.replace("\r\n", "\n").split("\n"):
        if hunk := HUNK.match(text):
            before, after = (int(size or 1) for size in hunk.groups())
            lines.append(DiffLine("hunk", text))
        elif (before or after) and not text.startswith("\\"):
            kind: Kind = "added" if text[:1] == "+" else "removed" if text[:1] == "-" else "context"
            before -= kind != "added"
            after -= kind != "removed"
            lines.append(DiffLine(kind, text))
        elif text:
            lines.append(DiffLine("context" if text.startswith("\\") else "file", text))
    return lines


def read_source_diff(patch: str) -> list[DiffLine]:
    """Return the lines of a unified diff; of a notebook only the lines of its cells, as source instead of JSON."""
    lines: list[DiffLine] = []
    is_notebook = False
    for line in read_diff(patch):
        if line.kind == "file":
            is_notebook = line.text.split("\t")[0].endswith(SUFFIX)
        elif is_notebook and line.kind != "hunk":
            source = decode_source_line(line.text[1:])
            if source == line.text[1:]:
                continue  # a line of JSON that is not source
            line = replace(line, text=line.text[0] + source.rstrip("\n"))
        lines.append(line)
    return lines


def summarise_diff(patch: str) -> str:
    """Return the changed files of a diff, with the numbers of added and removed lines: `train.py, +2 −1 lines`."""
    lines = read_diff(patch)
    sizes: Counter[str] = Counter(line.kind for line in lines)
    files = [line.text[4:].split("\t")[0] for line in lines if line.kind == "file" and line.text[:3] == "+++"]
    changes = [f"{sign}{sizes[kind]}" for sign, kind in (("+", "added"), ("−", "removed")) if sizes[kind]]
    noun = "line" if sizes["added"] + sizes["removed"] == 1 else "lines"
    return f"{', '.join(dict.fromkeys(files))}, {' '.join(changes) or '±0'} {noun}"
