"""What a page holds beside its pictures, for the command that has written it and may have to go on from there."""

import json
from pathlib import Path
from typing import Any

OPENING, END = '<script type="application/json" id="{}">', "</script>"
TAG = OPENING.format("kept")


def kept_in(page: Path) -> Any:
    """Return what a page holds; None where there is no page, or one that holds nothing."""
    return part_of(page, "kept")


def part_of(page: Path, name: str) -> Any:
    """Return the data of that name on a page: its `figures`, or what is `kept`; None where there are none."""
    tag = OPENING.format(name)
    try:
        text = page.read_text(errors="replace")
        begin = text.index(tag) + len(tag)
        return json.loads(text[begin : text.index(END, begin)])
    except (OSError, ValueError):
        return None
