"""What was measured, a line of JSON each: it is never measured twice, and goes on where it was stopped."""

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

ROWS = Path(__file__).parents[1] / "measured"


def key(*parts: object) -> str:
    """Return what tells a measurement from all others: a hash of what it depends on."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


class Rows:
    """One file of them."""

    def __init__(self, name: str, folder: Path = ROWS) -> None:
        self._lock = threading.Lock()
        self.file = folder / f"{name}.jsonl"
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        self.known: dict[str, dict[str, Any]] = {row["key"]: row for row in map(json.loads, lines)}

    @property
    def by_subject(self) -> dict[str, dict[str, Any]]:
        """What is known of each program, the latest where it was measured more than once."""
        return {row["of"]: row for row in self.known.values()}

    def add(self, row: dict[str, Any]) -> dict[str, Any]:
        """Keep a row under its `key`."""
        with self._lock:
            self.known[row["key"]] = row
            self.file.parent.mkdir(exist_ok=True)
            with self.file.open("a") as file:
                file.write(json.dumps(row) + "\n")
        return row
