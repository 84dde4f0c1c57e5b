"""Read a script's own sources: the words that its arguments may be, and the secrets written in them."""

import ast
import json
import os
import re
import stat
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from descend.core.errors import TOO_DEEP
from descend.core.regular_files import read_regular_file
from descend.doctor.redaction.given import secrets_in_settings, secrets_in_source
from descend.doctor.redaction.looks import is_random, looks_like_password
from descend.doctor.redaction.names import is_password_abbreviation, is_secret_name
from descend.doctor.redaction.shapes import assigned_secrets

NOTEBOOK = ".ipynb"
SETTINGS = (".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".env")
STRUCTURED = (".yaml", ".yml", ".json")
MOST_FILES = 300  # At most this many files of a working directory are read; one program rarely has more.
LARGEST = 300_000  # A file with more bytes is not read, because it contains data.
MOST_BYTES = 4_000_000  # At most this many bytes are read in all; reading and searching them takes about 0.1 s.
MOST_NAMES = 20_000  # At most this many files are listed, because a working directory may contain a data set.
DEEPEST = 4  # number of levels of subfolders that are searched
LEAST_LEARNT = 16  # A word with fewer letters is not masked as a secret, because it may be a common word.
MOST_LEARNT = 500  # At most this many secrets are kept; if there are more, they are ordinary data.
_WITH_PASSWORD = re.compile(r"\w[\w+.-]*://[^\s'\"/:@]*:[^\s'\"]+@[^\s'\"]*")
_SKIPPED = frozenset(
    {"site-packages", "node_modules", "__pycache__", "venv", "env", "build", "dist", "wandb", "mlruns"}
)
_LINE = re.compile(
    r"^.*(?:pass|pw|psw|secret|token|key|cred|auth|cookie|dsn|hook|login|://).*$", re.IGNORECASE | re.MULTILINE
)


class Sources:
    """The files that are searched for a program's secrets: its own file, and Python and settings files near it."""

    def __init__(self, path: Path, root: Path) -> None:
        self._path, self._root = path, root
        self._known: dict[Path, frozenset[str]] = {}  # names and string constants in each file that has been parsed

    @cached_property
    def _text_by_path(self) -> dict[Path, str]:
        """The texts of the files that are searched for secrets, by path."""
        texts, read = dict[Path, str](), 0
        for file in self._searched_files():
            try:
                found = file.stat()
                size = found.st_size
                if stat.S_ISREG(found.st_mode) and size <= LARGEST and read + size <= MOST_BYTES:
                    text = read_regular_file(file, LARGEST).decode(errors="replace")
                    texts[file] = f"{text}\n{_notebook_text(text)}" if file.suffix == NOTEBOOK else text
                    read += size
            except OSError:
                continue
        return texts

    def _searched_files(self) -> Iterator[Path]:
        """Yield the program's file, and the Python and settings files in its folder and the working directory."""
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
        """Return the values that the program's files assign to names such as `api_key`, except common words."""
        found = {value for file, text in self._text_by_path.items() for value in secrets_in_file(file, text)}
        return set(sorted(found, key=len)[-MOST_LEARNT:])

    def contains_word(self, word: str) -> bool:
        """Return whether the program's Python files contain the word as a name or as an entire string constant."""
        return any(word in text and word in self._words_of_file(file) for file, text in self._text_by_path.items())

    def _words_of_file(self, file: Path) -> frozenset[str]:
        """Return the names and string constants in a Python file. Each file is parsed only once."""
        if file not in self._known:
            self._known[file] = _parsed_words(file, self._text_by_path[file])
        return self._known[file]


def secrets_in_file(file: Path, text: str) -> set[str]:
    """Return the values that one file assigns to names such as `api_key`, except common words."""
    lines = "\n".join(_LINE.findall(text))
    if not lines:
        return set()
    found = {
        value
        for name, value in assigned_secrets(lines)
        if is_secret_name(name) or is_password_abbreviation(name) or _is_generated(value)
    }
    found.update(_WITH_PASSWORD.findall(lines))
    found.update(secrets_in_source(text) if file.suffix == ".py" else ())
    found.update(secrets_in_settings(text) if file.suffix in STRUCTURED else ())
    return {value for value in found if looks_like_password(value) or len(value) >= LEAST_LEARNT}


def _notebook_text(notebook: str) -> str:
    """Return the strings in a notebook's JSON text, one per line; "" if the text is not JSON."""
    try:
        return "\n".join(_json_strings(json.loads(notebook)))
    except (ValueError, *TOO_DEEP):
        return ""


def _json_strings(value: Any) -> Iterator[str]:
    """Yield the strings in a JSON value. A list of strings is joined, because notebooks store a text as its lines."""
    match value:
        case str():
            yield value
        case list() if all(isinstance(entry, str) for entry in value):
            yield "".join(value)
        case list():
            for entry in value:
                yield from _json_strings(entry)
        case dict():
            for entry in value.values():
                yield from _json_strings(entry)


def _is_generated(value: str) -> bool:
    """Return whether a value looks randomly generated, or like a long password."""
    return is_random(value) or (looks_like_password(value) and len(value) >= LEAST_LEARNT)


def _parsed_words(file: Path, text: str) -> frozenset[str]:
    """Return the names and string constants in a Python file, except constants assigned to names such as `password`."""
    if file.suffix != ".py":
        return frozenset()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, *TOO_DEEP):
        return frozenset()
    return frozenset(_names_and_strings(tree)) - frozenset(value for _, value in assigned_secrets(text))


def _names_and_strings(tree: ast.AST) -> Iterator[str]:
    """Yield the names and string constants in a syntax tree."""
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
