"""Convert a Jupyter notebook to one Python source, and write an edited source back into the notebook's cells.

Each code cell begins with a line `# %% cell 3`, so that each line of the source belongs to one cell. Lines that only
IPython understands (`%matplotlib inline`, `!pip install …`, `%%bash`) become a `pass` with the line as its comment.
If a cell contains such marker lines itself, descend's markers get more signs, so that they differ from the cell's.
"""

import ast
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from descend.core.control_characters import shortened
from descend.core.errors import TOO_DEEP, UsageError

SUFFIX = ".ipynb"
OLDEST = 4  # oldest supported version of nbformat (2014), the first that stores code cells at the top level
# cell magics after which the rest of the cell is still Python
PYTHON_MAGICS = frozenset({"time", "timeit", "capture", "prun", "descend"})
_CELL = re.compile(r"^# (%%+) cell ([0-9]{1,9})$")
_MAGIC = re.compile(r"^(\s*)([%!?].*|[\w.]+\?{1,2})$")
# The pattern matches a line that consists of one JSON string, as RFC 8259 defines it in section 7.
_STRING = re.compile(r'\s*("(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"),?\s*')
_SURROGATE = re.compile("[\ud800-\udfff]")
INDENTS = (1, 0, 2, 4, None)


@dataclass(frozen=True)
class _Format:
    """The fields of a notebook that state its format."""

    nbformat: int
    cells: Any = None


@dataclass(frozen=True)
class _Cell:
    """The fields of a cell that descend reads."""

    cell_type: str
    source: str | list[str]


@dataclass(frozen=True)
class _Kernel:
    """The fields of a notebook's kernel that descend reads."""

    language: str = "python"


@dataclass(frozen=True)
class _Metadata:
    """The fields of a notebook's metadata that descend reads."""

    kernelspec: _Kernel = _Kernel()


@dataclass(frozen=True)
class _Notebook:
    """The fields of a notebook that descend reads. Their types are checked, because the file may be invalid."""

    cells: list[_Cell]
    metadata: _Metadata = _Metadata()


@dataclass(frozen=True)
class _Style:
    """The formatting of a notebook's JSON file."""

    indent: int | None
    ensure_ascii: bool
    line_end: str
    tail: str  # text after the closing bracket of the JSON


@dataclass(frozen=True)
class _LineMarkers:
    """Markers of the lines that descend adds to a notebook's Python source. No cell contains these markers."""

    cell: str  # sign in the line that marks the start of a cell
    line: str  # sign in front of a line that is not Python

    @classmethod
    def choose(cls, cells: list[dict[str, Any]]) -> "_LineMarkers":
        """Return the shortest markers that no code cell contains."""
        sources = "\n".join(map(_cell_source, cells))
        cell, line = "%%", "!"
        while f"# {cell} cell" in sources:
            cell += "%"
        while f"pass  #{line} " in sources:
            line += "!"
        return cls(cell, line)

    @property
    def ignored_line(self) -> re.Pattern[str]:
        """Return the pattern of the `pass` lines with which descend replaces lines that are not Python."""
        return re.compile(rf"^(\s*)pass  #{self.line} (.*)$")

    def restore_line(self, line: str) -> str:
        """Return a line of the Python source as the notebook's cell contains it, without descend's `pass`."""
        return self.ignored_line.sub(r"\1\2", line)


def is_notebook(file: Path) -> bool:
    """Return whether a file is a Jupyter notebook, which its suffix shows."""
    return file.suffix == SUFFIX


def to_source(text: str, name: str) -> str:
    """Return a notebook's code cells as one Python source. Raises `UsageError` if there is no Python code."""
    return _marked_source(text, name)[1]


def _marked_source(text: str, name: str) -> tuple[_LineMarkers, str]:
    """Join a notebook's code cells to one Python source; return the markers used in it, and the source."""
    cells = _code_cells(_parse_notebook(text, name))
    if not any(_cell_source(cell).strip() for cell in cells):
        raise UsageError(f"{name} has no code: all its code cells are empty")
    marks = _LineMarkers.choose(cells)
    return marks, "".join(
        f"# {marks.cell} cell {i}\n{_to_python(_cell_source(cell), marks)}\n" for i, cell in enumerate(cells, 1)
    )


def with_source(text: str, name: str, source: str) -> str:
    """Write `source`, an edited result of `to_source`, into the cells of a notebook; return the notebook's JSON."""
    notebook = _parse_notebook(text, name)
    cells = _code_cells(notebook)
    marks = _LineMarkers.choose(cells)
    parts = dict(_split_cells(source, marks))
    for i, cell in enumerate(cells, 1):
        new, old = "\n".join(marks.restore_line(line) for line in parts.get(i, [])), _cell_source(cell)
        if new != old.rstrip("\n"):
            new += old[len(old.rstrip("\n")) :]
            cell["source"] = new.splitlines(keepends=True) if isinstance(cell["source"], list) else new
    return _format_notebook(notebook, _detect_style(text))


def split_cell_lines(text: str, name: str) -> str:
    """Return a notebook's JSON with one line for each line of a cell, as Jupyter saves it, so that diffs are readable.

    Otherwise, if a file stores a cell as a single string, its diff would show the whole cell for one changed line.
    """
    notebook, style = _parse_notebook(text, name), _detect_style(text)
    whole = [cell for cell in notebook["cells"] if isinstance(cell.get("source"), str)]
    if not whole and style.indent is not None:
        return text
    for cell in whole:
        cell["source"] = cell["source"].splitlines(keepends=True)
    return _format_notebook(notebook, replace(style, indent=INDENTS[0] if style.indent is None else style.indent))


def decode_source_line(line: str) -> str:
    """Decode a line of a notebook's JSON that is a string with one line of source; return other lines unchanged."""
    found = _STRING.fullmatch(line)
    return " ".join(json.loads(found[1]).splitlines()) + "\n" if found else line


def cell_position(source: str, line: int) -> tuple[int, int]:
    """Convert a line number of a notebook's Python source to the number of the cell and of the line in the cell."""
    lines = source.split("\n")
    # The first marker is the one that descend has added, because it is in the first line.
    mark = next((match[1] for text in lines if (match := _CELL.match(text))), "")
    for above, text in enumerate(reversed(lines[:line])):
        if (match := _CELL.match(text)) and match[1] == mark:
            return int(match[2]), above
    return 1, line


def ignored_lines(text: str, name: str) -> list[str]:
    """Return the notebook's lines that are not Python, which descend does not run."""
    marks, source = _marked_source(text, name)
    return [match[2] for line in source.split("\n") if (match := marks.ignored_line.match(line))]


def _parse_notebook(text: str, name: str) -> dict[str, Any]:
    """Parse a notebook's JSON and return it. Raises `UsageError` if it is in an unknown format or not in Python."""
    import msgspec  # The process of an examined script may not have msgspec, but it never reads a notebook.

    try:
        notebook: dict[str, Any] = json.loads(text, parse_float=_parse_finite)
        if not isinstance(notebook, dict) or "nbformat" not in notebook:
            raise UsageError(f"{name} is not a notebook: the field nbformat is missing")
        form = msgspec.convert(notebook, _Format)
        if form.nbformat < OLDEST or form.cells is None:
            raise UsageError(
                f"{name} has the old notebook format {form.nbformat}; convert it with jupyter nbconvert --to notebook"
            )
        kernel = msgspec.convert(notebook, _Notebook).metadata.kernelspec.language
    except ValueError as error:
        raise UsageError(f"{name} is not a notebook: {error}") from None
    except TOO_DEEP:
        raise UsageError(f"{name} is not a notebook: it is nested too deeply") from None
    if kernel.lower() not in ("python", "python3"):
        raise UsageError(f"{name} is a notebook in {kernel}, not in Python")
    return notebook


def _code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the code cells of a notebook."""
    return [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]


def _cell_source(cell: dict[str, Any]) -> str:
    """Return the source of a cell as one string. The notebook may store it as a list of lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _to_python(source: str, marks: _LineMarkers) -> str:
    """Return a cell's source, in which each line that is not Python is replaced by `pass` and a comment."""
    lines = source.rstrip("\n").split("\n")
    first = lines[0].strip()
    if first.startswith("%%") and [*first[2:].split(), ""][0] not in PYTHON_MAGICS:
        return "\n".join(f"pass  #{marks.line} {line}" for line in lines)
    while (wrong := _find_wrong_line(lines)) is not None:
        kept = _MAGIC.sub(rf"\1pass  #{marks.line} \2", lines[wrong])
        if kept == lines[wrong]:
            break  # The line is neither Python nor an IPython command, so the notebook itself has an error.
        lines[wrong] = kept
    return "\n".join(lines)


def _find_wrong_line(lines: list[str]) -> int | None:
    """Return the index of the first line that is not Python; None if all lines are Python."""
    try:
        ast.parse("\n".join(lines))
    except SyntaxError as error:
        return min(error.lineno or 1, len(lines)) - 1
    except (ValueError, *TOO_DEEP):
        return 0
    return None


def _split_cells(source: str, marks: _LineMarkers) -> Iterator[tuple[int, list[str]]]:
    """Split a notebook's source; yield the number and lines of each cell. Lines above the first cell belong to it."""
    above: list[str] = []
    number, lines = 0, above
    for line in source.removesuffix("\n").split("\n"):
        if (match := _CELL.match(line)) and match[1] == marks.cell:
            if number:
                yield number, lines
            number, lines = int(match[2]), [*(above if not number else [])]
        else:
            lines.append(line)
    if number:
        yield number, lines


def _detect_style(text: str) -> _Style:
    """Return the formatting of a notebook's JSON, or Jupyter's own formatting if no known style fits."""
    notebook = json.loads(text)
    # JSON strings contain no raw line ends, so this is the file's own line end.
    end = "\r\n" if "\r\n" in text else "\n"
    tail = text[len(text.rstrip()) :]
    styles = [_Style(indent, ascii, end, tail) for ascii in (False, True) for indent in INDENTS]
    return next((style for style in styles if _format_notebook(notebook, style) == text), styles[0])


def _format_notebook(notebook: dict[str, Any], style: _Style) -> str:
    """Convert a notebook to JSON text with the given formatting."""
    written = json.dumps(notebook, indent=style.indent, ensure_ascii=style.ensure_ascii)
    if _SURROGATE.search(written):  # A single half of a surrogate pair can only be written as a JSON escape.
        written = _SURROGATE.sub(lambda found: json.dumps(found[0])[1:-1], written)
    return written.replace("\n", style.line_end) + style.tail


def _parse_finite(text: str) -> float:
    """Convert the text of a JSON number to a float. Raises `ValueError` if the result is infinite."""
    value = float(text)
    if math.isinf(value):  # An infinite number would be written as Infinity, which is not JSON.
        raise ValueError(f"it contains a number that is too large for a float: {shortened(text)}")
    return value
