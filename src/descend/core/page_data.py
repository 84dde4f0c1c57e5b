"""Data stored in an HTML page, so that the command that wrote the page can continue from it."""

import json
from pathlib import Path
from typing import Any

from descend.core.errors import TOO_DEEP
from descend.core.regular_files import read_regular_file

OPENING, END = '<script type="application/json" id="{}">', "</script>"
LARGEST_PAGE = 256 << 20  # largest size in bytes of an HTML page that is read
TAG = OPENING.format("kept")


def read_page_data(page: Path) -> Any:
    """Return the data that an earlier command stored in an HTML page; None if the page or its data cannot be read."""
    return read_page_element(page, "kept")


def read_page_element(page: Path, name: str) -> Any:
    """Return the JSON data of the script element with this id in an HTML page; None if they cannot be read.

    name: `figures` for the data of the page's figures, `kept` for the data from which a command continues.
    """
    tag = OPENING.format(name)
    try:
        text = read_regular_file(page, LARGEST_PAGE).decode(errors="replace")
        begin = text.index(tag) + len(tag)
        return json.loads(text[begin : text.index(END, begin)])
    except (OSError, ValueError, *TOO_DEEP):
        return None
