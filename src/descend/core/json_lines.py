"""Files with one JSON value on each line, to which values are added as they are computed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from descend.core.errors import UsageError

Row = TypeVar("Row")


def read_json_lines(path: Path) -> list[Any]:
    """Return the values of a file; none if it does not exist. An incomplete last line is left out.

    Raises `OSError` if the file cannot be read, and `ValueError` if a complete line is not JSON.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


def read_rows(path: Path, convert: Callable[[Any], Row], content: str) -> list[Row]:
    """Return the values of a file, each converted to a row. Raise `UsageError` if one cannot be, or cannot be read."""
    try:
        return [convert(value) for value in read_json_lines(path)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no file of {content} ({error}); delete it") from None


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
