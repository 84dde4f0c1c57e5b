"""What stands in a script's own sources: the words that its arguments may be, and the secrets written there."""

import ast
import json
import os
import re
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from descend.doctor.redaction.given import given_in_settings, given_in_source
from descend.doctor.redaction.looks import is_random, is_telling
from descend.doctor.redaction.names import is_password, is_sure
from descend.doctor.redaction.shapes import named_values
from descend.ground.errors import TOO_DEEP
from descend.ground.regular_files import read_regular

NOTEBOOK = ".ipynb"
SETTINGS = (".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".env")
STRUCTURED = (".yaml", ".yml", ".json")
MOST_FILES = 300  # of a working directory; more of them are a collection, and no program
LARGEST = 300_000  # bytes; what is larger holds data
MOST_BYTES = 4_000_000  # of all: read and searched in about a tenth of a second
MOST_NAMES = 20_000  # of files and folders looked at: a working directory may hold a data set
DEEPEST = 4  # folders below the working directory
LEAST_LEARNT = 16  # letters; a shorter word may be what a script calls other things, too
MOST_LEARNT = 500  # values; more of them are data whose columns are called so
_WITH_PASSWORD = re.compile(r"\w[\w+.-]*://[^\s'\"/:@]*:[^\s'\"]+@[^\s'\"]*")
_SKIPPED = frozenset(
    {"site-packages", "node_modules", "__pycache__", "venv", "env", "build", "dist", "wandb", "mlruns"}
)
_LINE = re.compile(
    r"^.*(?:pass|pw|psw|secret|token|key|cred|auth|cookie|dsn|hook|login|://).*$", re.IGNORECASE | re.MULTILINE
)


class Sources:
    """A program's file, and the Python and settings files of its working directory, as far as they are quickly read."""

    def __init__(self, path: Path, root: Path) -> None:
        self._path, self._root = path, root

    @cached_property
    def _texts(self) -> dict[Path, str]:
        texts, read = dict[Path, str](), 0
        for file in self._files():
            try:
                found = file.stat()
                size = found.st_size
                if stat.S_ISREG(found.st_mode) and size <= LARGEST and read + size <= MOST_BYTES:
                    text = read_regular(file, LARGEST).decode(errors="replace")
                    texts[file] = f"{text}\n{_decoded(text)}" if file.suffix == NOTEBOOK else text
                    read += size
            except OSError:
                continue
        return texts

    def _files(self) -> Iterator[Path]:
        yield self._path
        folders = dict.fromkeys([self._root, self._path.parent])
        kept = seen = 0
        for folder in folders:
            for top, inside, names in os.walk(folder):
                seen += len(inside) + len(names)
                if seen > MOST_NAMES:
                    return
                depth = len(Path(top).relative_to(folder).parts)
                inside[:] = [n for n in sorted(inside) if n[0] != "." and n not in _SKIPPED] if depth < DEEPEST else []
                for name in sorted(names):
                    file = Path(top, name)
                    if file.suffix == ".py" or file.suffix in SETTINGS or name.startswith(".env"):
                        yield file
                        kept += 1
                        if kept >= MOST_FILES:
                            return

    def secrets(self) -> set[str]:
        """Return the values that stand there beside the names of secrets, and would be known again elsewhere."""
        found = {value for file, text in self._texts.items() for value in secrets_in(file, text)}
        return set(sorted(found, key=len)[-MOST_LEARNT:])

    def has(self, word: str) -> bool:
        """Whether a word is a name, or the whole of a text constant, of the program."""
        return any(word in text and word in self._words(file) for file, text in self._texts.items())

    def _words(self, file: Path) -> frozenset[str]:
        if file not in self._known:
            self._known[file] = _words(file, self._texts[file])
        return self._known[file]

    @cached_property
    def _known(self) -> dict[Path, frozenset[str]]:
        return {}


def secrets_in(file: Path, text: str) -> set[str]:
    """Return the values in one file that are given to the names of secrets, and would be known again elsewhere."""
    lines = "\n".join(_LINE.findall(text))
    if not lines:
        return set()
    found = {value for name, value in named_values(lines) if is_sure(name) or is_password(name) or _is_drawn(value)}
    found.update(_WITH_PASSWORD.findall(lines))
    found.update(given_in_source(text) if file.suffix == ".py" else ())
    found.update(given_in_settings(text) if file.suffix in STRUCTURED else ())
    return {value for value in found if is_telling(value) or len(value) >= LEAST_LEARNT}


def _decoded(notebook: str) -> str:
    """Return the texts that a notebook keeps as JSON strings; nothing where it is no JSON."""
    try:
        return "\n".join(_strings(json.loads(notebook)))
    except (ValueError, *TOO_DEEP):
        return ""


def _strings(value: Any) -> Iterator[str]:
    """Yield the texts in a JSON value; a list of nothing but strings is one text, kept line by line."""
    match value:
        case str():
            yield value
        case list() if all(isinstance(entry, str) for entry in value):
            yield "".join(value)
        case list():
            for entry in value:
                yield from _strings(entry)
        case dict():
            for entry in value.values():
                yield from _strings(entry)


def _is_drawn(value: str) -> bool:
    return is_random(value) or (is_telling(value) and len(value) >= LEAST_LEARNT)


def _words(file: Path, text: str) -> frozenset[str]:
    """Return the names and text constants of a file, but for those constants that a secret's name is given."""
    if file.suffix != ".py":
        return frozenset()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, *TOO_DEEP):
        return frozenset()
    return frozenset(_said(tree)) - frozenset(value for _, value in named_values(text))


def _said(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)):
                yield text
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                yield name
            case ast.keyword(arg=str(name)) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name):
                yield name
