"""A training script as data: where it is, how it is started, and which edits have been made to its source.

A remedy is a function from a `Script` to a `Script`; the diff a user gets is `Script.diff()`.
"""

import ast
import io
import os
import sys
import tokenize
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from descend.doctor.redaction.patches import diff_lines
from descend.doctor.script import notebook
from descend.doctor.script.sources import Sources
from descend.ground.control_characters import shortened
from descend.ground.errors import TOO_DEEP, UsageError
from descend.ground.regular_files import LARGEST, read_regular
from descend.ground.temporary import temporary_folder


@dataclass(frozen=True)
class Script:
    """Somebody's program: `python path arguments` (or `python -m module arguments`), started in `root`."""

    path: Path  # absolute; the file that runs as __main__
    root: Path  # absolute; the working directory
    arguments: tuple[str, ...] = ()
    module: str | None = None  # dotted name when started as `-m module`
    python: str = sys.executable  # the interpreter that runs it
    edits: Mapping[Path, str] = field(default_factory=dict)  # file -> its whole new text
    examined: Mapping[Path, str] = field(default_factory=dict)  # file -> its text as the examined run read it
    streamed: bool = False  # read from standard input or a pipe: there is no file that could be patched
    sources: Sources | None = field(default=None, compare=False, repr=False)  # None: files are read as they lie there

    def read(self, file: Path) -> str:
        """Return the text of `file` with the edits made so far, line ends as they are on disk."""
        return self.edits[file] if file in self.edits else self.unedited(file)

    def unedited(self, file: Path) -> str:
        """Return the text of `file` without any edit; of a notebook its code cells as one Python source."""
        return _source(file, self.kept(file))

    def as_examined(self, file: Path) -> str:
        """Return the text of `file` as the run has read it to which a record's sites belong."""
        return self.examined[file] if file in self.examined else self.unedited(file)

    def to_be_examined(self) -> "Script":
        """Return the same script, of which the next record is to be: its edits are no news to it."""
        return replace(self, examined=self.edits)

    def kept(self, file: Path) -> bytes:
        """Return the bytes of `file` without any edit, as they were when the doctor began. Raises `OSError`."""
        return read_regular(file) if self.sources is None else self.sources.read(file)

    def has(self, file: Path) -> bool:
        """Whether there is such a file, or was when the doctor began."""
        return file.is_file() if self.sources is None else self.sources.has(file)

    def edit(self, file: Path, text: str) -> "Script":
        """Return a script in which `file` reads `text`."""
        return replace(self, edits={**self.edits, file: text})

    def encode(self, file: Path, text: str) -> bytes:
        """Return `text` as `file` keeps it: in the encoding that it declares, in the cells of a notebook."""
        before = self.kept(file)
        return _as_kept(file, before, text).encode(source_encoding(before))

    def diff(self, since: "Script | None" = None) -> str:
        """Return the edits as one unified diff with paths relative to `root` (apply with `patch -p0`).

        What is changed is exact; of the lines around it those that hold a secret are left out. A notebook that keeps
        cells as single strings is shown as Jupyter saves it, so that its diff is only to be read.
        since: the same script with edits that have been made already.
        """
        made = {} if since is None else since.edits
        return "".join(self._diff(file, text, made.get(file)) for file, text in sorted(self.edits.items()))

    def _diff(self, file: Path, text: str, made: str | None) -> str:
        name = str(file.relative_to(self.root)) if file.is_relative_to(self.root) else str(file)
        before = self.kept(file)
        kept = (_text(file, before) if made is None else _as_kept(file, before, made), _as_kept(file, before, text))
        if not notebook.is_notebook(file):
            a, b = (lines_of(source) for source in kept)
            lines = diff_lines(a, b, name)
        else:
            a, b = (lines_of(notebook.line_by_line(source, file.name)) for source in kept)
            lines = diff_lines(a, b, name, as_source=notebook.as_source)
        return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def read_source(file: Path) -> str:
    """Return a Python file's text with its own line ends, or a notebook's code cells as one Python source.

    Raises `UsageError` where Python itself could not read it, `OSError` where it cannot be read at all.
    """
    return _source(file, read_regular(file))  # a store may name a device, which may have no end


def lines_of(text: str) -> list[str]:
    """Return the lines of a file as `patch` counts them, each with its end."""
    return io.StringIO(text, newline="\n").readlines()


def _source(file: Path, data: bytes) -> str:
    text = _text(file, data)
    return notebook.flattened(text, file.name) if notebook.is_notebook(file) else text


def _as_kept(file: Path, before: bytes, source: str) -> str:
    return notebook.refilled(_text(file, before), file.name, source) if notebook.is_notebook(file) else source


def _text(file: Path, data: bytes) -> str:
    """Return a file's text, decoded as Python would decode it."""
    try:
        return data.decode(source_encoding(data))
    except (SyntaxError, UnicodeError) as error:
        raise UsageError(f"{file} cannot be read as Python source: {error}") from None


def source_encoding(data: bytes) -> str:
    """Return the encoding that Python source declares, or UTF-8.

    Raises `SyntaxError` for an unknown one, and for a codec such as hex, which Python takes for no encoding of text.
    """
    encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    try:
        "".encode(encoding)
    except (LookupError, UnicodeError) as error:
        raise SyntaxError(f"encoding problem: {encoding}: {error}") from None
    return encoding


def find_script(
    target: str, arguments: tuple[str, ...] = (), *, as_module: bool = False, python: str | None = None
) -> Script:
    """Return the script that `python target` (or `python -m target`) would run from the working directory.

    Raises `UsageError` when there is none, or when it is a directory or does not parse.
    """
    root = Path.cwd()
    path = _find_module(root, target) if as_module else _find_file(root, target)
    root = path.parent if notebook.is_notebook(path) else root  # where Jupyter runs it
    script = Script(path, root, arguments, target if as_module else None, python or sys.executable)
    try:
        ast.parse(script.read(path), filename=str(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except TOO_DEEP:
        raise UsageError(f"{path} is nested too deeply for Python to parse it") from None
    except SyntaxError as error:
        text = (error.text or "").strip()
        raise UsageError(f"{_place(script, error.lineno or 1)}: {error.msg}: {text}") from None
    except ValueError as error:
        raise UsageError(f"{path} is not a Python script: {error}") from None
    return script


def _place(script: Script, line: int) -> str:
    if notebook.is_notebook(script.path):
        cell, line = notebook.place(script.read(script.path), line)
        return f"{script.path}, cell {cell}, line {line}"
    return f"{script.path}:{line}"


@contextmanager
def opened(
    target: str, arguments: tuple[str, ...] = (), *, as_module: bool = False, python: str | None = None
) -> Iterator[Script]:
    """Yield the script of `find_script`; one that comes in by a pipe (`-` is standard input) is kept for as long."""
    pipe = Path(target)
    if as_module or target != "-" and not _is_pipe(pipe):
        yield find_script(target, arguments, as_module=as_module, python=python)
        return
    with temporary_folder() as folder:
        path = folder / "stdin.py"
        path.write_bytes(_received(pipe, target))
        # python itself puts the working directory in front where it reads a program from a pipe
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")]))
        script = find_script(str(path), arguments, python=python)
        yield replace(script, streamed=True)


def _is_pipe(path: Path) -> bool:
    """Whether there is something that is neither a file nor a folder."""
    try:
        return path.exists() and not path.is_file() and not path.is_dir()
    except OSError:  # a name that no file has
        return False


def _received(pipe: Path, target: str) -> bytes:
    """Return the program that comes in by a pipe, or by whatever standard input is."""
    named = "standard input" if target == "-" else target
    try:
        if target == "-":
            data = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with pipe.open("rb") as file:
                data = file.read(LARGEST + 1)
    except (OSError, AttributeError):  # there is no standard input
        raise UsageError(f"no script can be read from {named}") from None
    if len(data) > LARGEST:
        raise UsageError(f"{named} is no script: it is larger than {LARGEST >> 20} MB")
    return data


def _find_file(root: Path, target: str) -> Path:
    path = (root / target).absolute()
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:
        raise UsageError(f"no script is called {shortened(target)}: {error.strerror}") from None
    if is_folder:
        raise UsageError(f"{target} is a directory; name the script that trains, such as {target}/train.py")
    if not is_there:
        raise UsageError(f"no such script: {target} (looked in {root})")
    return path


def _find_module(root: Path, target: str) -> Path:
    base = root.joinpath(*target.split("."))
    with suppress(OSError):  # a name that no file has
        regular_package = (base / "__init__.py").is_file()  # Python prefers it to a module of the same name
        for path in (base / "__main__.py",) if regular_package else (base.with_suffix(".py"), base / "__main__.py"):
            if path.is_file():
                return path
    raise UsageError(f"no module {shortened(target)} under {root}; descend runs modules from the working directory")
