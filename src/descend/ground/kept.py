"""What a page holds beside its pictures, for the command that has written it and may have to go on from there."""

import json
from pathlib import Path
from typing import Any

from descend.ground.errors import TOO_DEEP
from descend.ground.regular_files import read_regular

OPENING, END = '<script type="application/json" id="{}">', "</script>"
LARGEST_PAGE = 256 << 20  # bytes
TAG = OPENING.format("kept")


def kept_in(page: Path) -> Any:
    """Return what a page holds; None where there is no page, or one that holds nothing."""
    return part_of(page, "kept")


def part_of(page: Path, name: str) -> Any:
    """Return the data of that name on a page: its `figures`, or what is `kept`; None where there are none."""
    tag = OPENING.format(name)
    try:
        text = read_regular(page, LARGEST_PAGE).decode(errors="replace")
        begin = text.index(tag) + len(tag)
        return json.loads(text[begin : text.index(END, begin)])
    except (OSError, ValueError, *TOO_DEEP):
        return None
