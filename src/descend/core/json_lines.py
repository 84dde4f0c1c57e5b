"""Files with one JSON value on each line, to which values are added as they are computed."""

import json
import os
from pathlib import Path
from typing import Any, BinaryIO


def read_json_lines(path: Path) -> list[Any]:
    """Return the values of a file; none if it does not exist. An incomplete last line is left out.

    Raises `OSError` if the file cannot be read, and `ValueError` if a complete line is not JSON.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def add_json_line(path: Path, value: object) -> None:
    """Add a value to a file, which is created if it does not exist."""
    with path.open("a+b") as file:
        delete_incomplete_line(file)
        file.write(json.dumps(value).encode() + b"\n")


def delete_incomplete_line(file: BinaryIO) -> None:
    """Delete the last line of a file if it does not end, because the process that wrote it was killed."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 1))
    if end and file.read() != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
