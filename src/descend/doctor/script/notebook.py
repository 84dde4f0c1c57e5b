"""A Jupyter notebook as one Python source: its code cells in their order, and an edited source back into the cells.

Each cell begins with a line `# %% cell 3`, so that a line of the source is a line of a cell. What IPython alone
understands (`%matplotlib inline`, `!pip install …`, `%%bash`) becomes a `pass` that remembers it. Where a cell holds
such lines itself, the added lines get more signs, so that the two cannot be confused.
"""

import ast
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from descend.ground.control_characters import shortened
from descend.ground.errors import TOO_DEEP, UsageError

SUFFIX = ".ipynb"
OLDEST = 4  # nbformat, of 2014: code cells lie at the top
LEFT_IN = frozenset({"time", "timeit", "capture", "prun"})  # cell magics whose cell is Python all the same
_CELL = re.compile(r"^# (%%+) cell ([0-9]{1,9})$")
_MAGIC = re.compile(r"^(\s*)([%!?].*|[\w.]+\?{1,2})$")
_STRING = re.compile(r'\s*("(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"),?\s*')  # RFC 8259, section 7
_HALF = re.compile("[\ud800-\udfff]")
INDENTS = (1, 0, 2, 4, None)


@dataclass(frozen=True)
class _Format:
    """What says how the rest of a notebook is written."""

    nbformat: int
    cells: Any = None


@dataclass(frozen=True)
class _Cell:
    """What is read of a cell."""

    cell_type: str
    source: str | list[str]


@dataclass(frozen=True)
class _Kernel:
    """What is read of a notebook's kernel."""

    language: str = "python"


@dataclass(frozen=True)
class _Metadata:
    """What is read of a notebook's metadata."""

    kernelspec: _Kernel = _Kernel()


@dataclass(frozen=True)
class _Notebook:
    """What is read of a notebook, with its types: the file may come from anywhere."""

    cells: list[_Cell]
    metadata: _Metadata = _Metadata()


@dataclass(frozen=True)
class _Style:
    """How a notebook's file is written."""

    indent: int | None
    ensure_ascii: bool
    line_end: str
    tail: str  # what follows the last bracket


@dataclass(frozen=True)
class _Marks:
    """The signs that tell our lines from those of the cells: none of a cell's own lines has them."""

    cell: str  # in the line that begins a cell
    line: str  # before a line that is no Python

    @classmethod
    def of(cls, cells: list[dict[str, Any]]) -> "_Marks":
        """Return the shortest signs that none of the cells holds."""
        sources = "\n".join(map(_source, cells))
        cell, line = "%%", "!"
        while f"# {cell} cell" in sources:
            cell += "%"
        while f"pass  #{line} " in sources:
            line += "!"
        return cls(cell, line)

    @property
    def kept(self) -> re.Pattern[str]:
        """What matches a line that is no Python."""
        return re.compile(rf"^(\s*)pass  #{self.line} (.*)$")

    def restored(self, line: str) -> str:
        """Return a line as the cell has it."""
        return self.kept.sub(r"\1\2", line)


def is_notebook(file: Path) -> bool:
    """Whether a file is a notebook, by its name."""
    return file.suffix == SUFFIX


def flattened(text: str, name: str) -> str:
    """Return a notebook's code cells as one Python source. Raises `UsageError` where it holds no Python."""
    return _flattened(text, name)[1]


def _flattened(text: str, name: str) -> tuple[_Marks, str]:
    """Return the marks of a notebook, and its code cells as one Python source."""
    cells = _code_cells(_parsed(text, name))
    if not any(_source(cell).strip() for cell in cells):
        raise UsageError(f"{name} has no code: none of its cells is a code cell with something in it")
    marks = _Marks.of(cells)
    return marks, "".join(
        f"# {marks.cell} cell {i}\n{_python(_source(cell), marks)}\n" for i, cell in enumerate(cells, 1)
    )


def refilled(text: str, name: str, source: str) -> str:
    """Return the notebook with the cells of `source`, which `flattened` gave and somebody has edited since."""
    notebook = _parsed(text, name)
    cells = _code_cells(notebook)
    marks = _Marks.of(cells)
    parts = dict(_parts(source, marks))
    for i, cell in enumerate(cells, 1):
        new, old = "\n".join(marks.restored(line) for line in parts.get(i, [])), _source(cell)
        if new != old.rstrip("\n"):
            new += old[len(old.rstrip("\n")) :]
            cell["source"] = new.splitlines(keepends=True) if isinstance(cell["source"], list) else new
    return _written(notebook, _style(text))


def line_by_line(text: str, name: str) -> str:
    """Return a notebook as Jupyter saves it, with each line of a cell on a separate line, for a diff.

    A file that keeps a whole cell as one JSON string would show all of the cell where one line of it has changed.
    """
    notebook, style = _parsed(text, name), _style(text)
    whole = [cell for cell in notebook["cells"] if isinstance(cell.get("source"), str)]
    if not whole and style.indent is not None:
        return text
    for cell in whole:
        cell["source"] = cell["source"].splitlines(keepends=True)
    return _written(notebook, replace(style, indent=INDENTS[0] if style.indent is None else style.indent))


def as_source(line: str) -> str:
    """Return a line of a notebook's file as the line of source that it holds; another line as it is."""
    found = _STRING.fullmatch(line)
    return " ".join(json.loads(found[1]).splitlines()) + "\n" if found else line


def place(source: str, line: int) -> tuple[int, int]:
    """Return which cell a line of a flattened source is of, and which line there; both from 1."""
    lines = source.split("\n")
    mark = next((match[1] for text in lines if (match := _CELL.match(text))), "")  # nothing of the user's is before it
    for above, text in enumerate(reversed(lines[:line])):
        if (match := _CELL.match(text)) and match[1] == mark:
            return int(match[2]), above
    return 1, line


def left_out(text: str, name: str) -> list[str]:
    """Return the lines that are no Python, and are not run."""
    marks, source = _flattened(text, name)
    return [match[2] for line in source.split("\n") if (match := marks.kept.match(line))]


def _parsed(text: str, name: str) -> dict[str, Any]:
    import msgspec  # here: the script's own process reads no notebook, and may have no such package

    try:
        notebook: dict[str, Any] = json.loads(text, parse_float=_finite)
        if not isinstance(notebook, dict) or "nbformat" not in notebook:
            raise UsageError(f"{name} is not a notebook: it has no nbformat")
        form = msgspec.convert(notebook, _Format)
        if form.nbformat < OLDEST or form.cells is None:
            raise UsageError(f"{name} has the format of {form.nbformat}: jupyter nbconvert --to notebook renews it")
        kernel = msgspec.convert(notebook, _Notebook).metadata.kernelspec.language
    except ValueError as error:
        raise UsageError(f"{name} is not a notebook: {error}") from None
    except TOO_DEEP:
        raise UsageError(f"{name} is not a notebook: it is nested too deeply") from None
    if kernel.lower() not in ("python", "python3"):
        raise UsageError(f"{name} is written in {kernel}, not in Python")
    return notebook


def _code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell.get("cell_type") == "code"]


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def _python(source: str, marks: _Marks) -> str:
    """Return a cell's source in which each line that is no Python is the comment of a `pass`."""
    lines = source.rstrip("\n").split("\n")
    first = lines[0].strip()
    if first.startswith("%%") and first[2:].partition(" ")[0] not in LEFT_IN:
        return "\n".join(f"pass  #{marks.line} {line}" for line in lines)
    while (wrong := _wrong_line(lines)) is not None:
        kept = _MAGIC.sub(rf"\1pass  #{marks.line} \2", lines[wrong])
        if kept == lines[wrong]:
            break  # no Python, and not IPython's either: the script's own mistake
        lines[wrong] = kept
    return "\n".join(lines)


def _wrong_line(lines: list[str]) -> int | None:
    """Return the index of the line that is no Python; None where all is."""
    try:
        ast.parse("\n".join(lines))
    except SyntaxError as error:
        return min(error.lineno or 1, len(lines)) - 1
    except (ValueError, *TOO_DEEP):
        return 0
    return None


def _parts(source: str, marks: _Marks) -> Iterator[tuple[int, list[str]]]:
    """Yield each cell's number and lines; what was written above the first cell goes into it."""
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


def _style(text: str) -> _Style:
    """Return how the file was written, so that only what was edited differs; as Jupyter writes it where unknown."""
    notebook = json.loads(text)
    end = "\r\n" if "\r\n" in text else "\n"  # a string of JSON holds no line end
    tail = text[len(text.rstrip()) :]
    styles = [_Style(indent, ascii, end, tail) for ascii in (False, True) for indent in INDENTS]
    return next((style for style in styles if _written(notebook, style) == text), styles[0])


def _written(notebook: dict[str, Any], style: _Style) -> str:
    written = json.dumps(notebook, indent=style.indent, ensure_ascii=style.ensure_ascii)
    if _HALF.search(written):  # of a surrogate pair, which only JSON's escapes can hold
        written = _HALF.sub(lambda found: json.dumps(found[0])[1:-1], written)
    return written.replace("\n", style.line_end) + style.tail


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):  # it would be written as Infinity, which is no JSON
        raise ValueError(f"the number {shortened(text)} is too large")
    return value
