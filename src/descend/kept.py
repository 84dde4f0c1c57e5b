"""What a page holds beside its pictures, for the command that has written it and may have to go on from there."""

import json
from pathlib import Path
from typing import Any

TAG, END = '<script type="application/json" id="kept">', "</script>"


def kept_in(page: Path) -> Any:
    """Return what a page holds; None where there is no page, or one that holds nothing."""
    try:
        text = page.read_text(errors="replace")
        begin = text.index(TAG) + len(TAG)
        return json.loads(text[begin : text.index(END, begin)])
    except (OSError, ValueError):
        return None
