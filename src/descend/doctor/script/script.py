"""A training script as data: its files, the command that starts it, and the edits made to its source.

A remedy is a function from a `Script` to a `Script`; the diff a user gets is `Script.diff()`.
"""

import ast
import codecs
import io
import os
import sys
import tokenize
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from descend.core.control_characters import shortened
from descend.core.errors import TOO_DEEP, UsageError
from descend.core.regular_files import LARGEST, read_regular_file
from descend.core.temporary import temporary_folder
from descend.doctor.redaction.patches import diff_lines
from descend.doctor.script import notebook
from descend.doctor.script.source_snapshot import SourceSnapshot

NO_FILE = "/dev/null"  # the name of a file that does not exist, in a unified diff


@dataclass(frozen=True)
class Script:
    """The user's program: `python path arguments` (or `python -m module arguments`), started in the folder `root`."""

    path: Path  # absolute path of the file that runs as __main__
    root: Path  # absolute path of the working directory
    arguments: tuple[str, ...] = ()
    module: str | None = None  # dotted name of a script that is started as `-m module`
    python: str = sys.executable  # the Python interpreter that runs the script
    edits: Mapping[Path, str] = field(default_factory=dict, repr=False)  # maps an edited file to its new text
    # maps a file to its text in the examined run
    examined: Mapping[Path, str] = field(default_factory=dict, repr=False)
    streamed: bool = False  # whether the script comes from standard input or a pipe, so no file can be patched
    # the snapshot from which files are read; None if they are read from disk
    sources: SourceSnapshot | None = field(default=None, compare=False, repr=False)

    def read(self, file: Path) -> str:
        """Return the text of `file` with the edits made so far and with the file's own line ends."""
        return self.edits[file] if file in self.edits else self.unedited_text(file)

    def unedited_text(self, file: Path) -> str:
        """Return the text of `file` without edits; for a notebook, its code cells as one Python source."""
        return decode_source(file, self.original_bytes(file))

    def examined_text(self, file: Path) -> str:
        """Return the text that `file` had in the examined run, to which the line numbers in its record refer."""
        return self.examined[file] if file in self.examined else self.unedited_text(file)

    def with_examined_edits(self) -> "Script":
        """Return a copy of the script in which the present edits count as part of the examined text."""
        return replace(self, examined=self.edits)

    def original_bytes(self, file: Path) -> bytes:
        """Return the bytes of `file` without edits, as they were when the doctor began; b"" if an edit creates it.

        Raises `OSError` if the file cannot be read.
        """
        if self.is_created(file):
            return b""
        return read_regular_file(file) if self.sources is None else self.sources.read(file)

    def has_file(self, file: Path) -> bool:
        """Return whether the file exists, existed when the snapshot was taken, or is created by an edit."""
        return file in self.edits or self._is_on_disk(file)

    def is_created(self, file: Path) -> bool:
        """Return whether an edit creates the file."""
        return file in self.edits and not self._is_on_disk(file)

    def _is_on_disk(self, file: Path) -> bool:
        """Return whether the file exists or, if a snapshot was taken, whether it existed then."""
        return file.is_file() if self.sources is None else self.sources.has_file(file)

    def edit(self, file: Path, text: str) -> "Script":
        """Return a copy of the script in which `file` has the new text `text`; a file that is missing is created."""
        return replace(self, edits={**self.edits, file: text})

    def encode(self, file: Path, text: str) -> bytes:
        """Encode the new source `text` of `file` as the file's bytes; for a notebook, write it into the cells."""
        before = self.original_bytes(file)
        return encode_source(file, before, _replace_source(file, before, text))

    def diff(self, since: "Script | None" = None) -> str:
        """Return the edits as one unified diff with paths relative to `root` (apply with `patch -p0`).

        Changed lines are exact; context lines that hold a secret are left out. For a notebook that stores cells as
        single strings, the diff shows the file as Jupyter saves it and cannot be applied. since: the same script with
        earlier edits, whose changes are left out.
        """
        made = {} if since is None else since.edits
        # `git apply` takes all names below the header of an empty new file as its names, so such files come last.
        files = sorted(self.edits, key=lambda file: (not self.edits[file] and self.is_created(file), file))
        return "".join(self._file_diff(file, self.edits[file], made.get(file)) for file in files)

    def _file_diff(self, file: Path, text: str, made: str | None) -> str:
        """Return the unified diff of one edited file. If `made` is not None, leave out these earlier edits."""
        name = str(file.relative_to(self.root)) if file.is_relative_to(self.root) else str(file)
        before = self.original_bytes(file)
        old_name = NO_FILE if made is None and self.is_created(file) else name
        if old_name == NO_FILE and not text:  # Only the header of `git diff` can state that a new file is empty.
            return f"diff --git {name} {name}\nnew file mode 100644\nindex 0000000..e69de29\n"
        kept = (
            _decode_text(file, before) if made is None else _replace_source(file, before, made),
            _replace_source(file, before, text),
        )
        if not notebook.is_notebook(file):
            a, b = (split_lines(source) for source in kept)
            lines = diff_lines(a, b, name, old_name)
        else:
            a, b = (split_lines(notebook.split_cell_lines(source, file.name)) for source in kept)
            lines = diff_lines(a, b, name, old_name, as_source=notebook.decode_source_line)
        return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def read_source(file: Path) -> str:
    """Return the text of a Python file with its own line ends, or the code cells of a notebook as one Python source.

    Raises `UsageError` if Python could not read the source, `OSError` if the file cannot be read.
    """
    return decode_source(file, read_regular_file(file))  # A path in a store may name a device with endless data.


def split_lines(text: str) -> list[str]:
    """Return the lines of a file as `patch` counts them, each with its line end."""
    return io.StringIO(text, newline="\n").readlines()


def decode_source(file: Path, data: bytes) -> str:
    """Decode a file's bytes to Python source. For a notebook, join the code cells."""
    text = _decode_text(file, data)
    return notebook.to_source(text, file.name) if notebook.is_notebook(file) else text


def _replace_source(file: Path, before: bytes, source: str) -> str:
    """Return the text of a file with its Python source replaced by `source`. For a notebook, this text is JSON."""
    return notebook.with_source(_decode_text(file, before), file.name, source) if notebook.is_notebook(file) else source


def _decode_text(file: Path, data: bytes) -> str:
    """Decode a file's bytes to text, in the encoding that Python would use for this source."""
    try:
        return data.decode(source_encoding(data))
    except (SyntaxError, UnicodeError) as error:
        raise UsageError(f"{file} cannot be read as Python source: {error}") from None


def encode_source(file: Path, before: bytes, text: str) -> bytes:
    """Encode the new text of a file in the encoding that this text declares, as Python will read it.

    before: the file's old bytes, whose byte order mark is kept. Raises `UsageError` if the text cannot be encoded.
    """
    try:
        encoding = source_encoding(text.encode("utf-8", "surrogatepass"))
        data = text.encode(encoding)
    except UnicodeEncodeError as error:
        raise UsageError(
            f"the edit of {file} contains {error.object[error.start]!r}, which cannot be encoded in {encoding}"
        ) from None
    except SyntaxError as error:
        raise UsageError(f"the edit of {file} is not Python source: {error}") from None
    has_mark = before.startswith(codecs.BOM_UTF8) and encoding == "utf-8"
    return codecs.BOM_UTF8 + data if has_mark else data


def source_encoding(data: bytes) -> str:
    """Return the encoding that Python source declares, or UTF-8 if it declares none.

    Raises `SyntaxError` for an unknown encoding, and for a codec such as hex, which Python rejects for source.
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
    """Return the script that `python target` (or `python -m target`) runs in the working directory.

    Raises `UsageError` if there is no such script, or if it is a directory or does not parse.
    """
    root = Path.cwd()
    path = _find_module(root, target) if as_module else _find_file(root, target)
    root = path.parent if notebook.is_notebook(path) else root  # Jupyter runs a notebook in the notebook's own folder.
    script = Script(path, root, arguments, target if as_module else None, python or sys.executable)
    try:
        ast.parse(script.read(path), filename=str(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except TOO_DEEP:
        raise UsageError(f"{path} is nested too deeply for Python to parse it") from None
    except SyntaxError as error:
        text = (error.text or "").strip()
        raise UsageError(f"{_position_message(script, error.lineno or 1)}: {error.msg}: {text}") from None
    except ValueError as error:
        raise UsageError(f"{path} is not a Python script: {error}") from None
    return script


def _position_message(script: Script, line: int) -> str:
    """Return a line of the script as text, such as `train.py:12` or `train.ipynb, cell 3, line 4`."""
    if notebook.is_notebook(script.path):
        cell, line = notebook.cell_position(script.read(script.path), line)
        return f"{script.path}, cell {cell}, line {line}"
    return f"{script.path}:{line}"


@contextmanager
def open_script(
    target: str, arguments: tuple[str, ...] = (), *, as_module: bool = False, python: str | None = None
) -> Iterator[Script]:
    """Yield the script named `target`. A script from a pipe or standard input (`-`) is kept in a temporary file."""
    if as_module or target != "-" and not _is_pipe(Path(target)):
        yield find_script(target, arguments, as_module=as_module, python=python)
        return
    with temporary_folder() as folder:
        path = folder / "stdin.py"
        path.write_bytes(read_input(target, "script"))
        # When Python reads a program from a pipe, it searches for modules in the working directory first.
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path.cwd()), os.environ.get("PYTHONPATH")]))
        script = find_script(str(path), arguments, python=python)
        yield replace(script, streamed=True)


def _is_pipe(path: Path) -> bool:
    """Return whether the path exists and is neither a file nor a folder."""
    try:
        return path.exists() and not path.is_file() and not path.is_dir()
    except OSError:  # the target is not a valid file name
        return False


def read_input(target: str, noun: str) -> bytes:
    """Return what a file, a pipe or standard input (`-`) contains. noun: what it should be. Raises `UsageError`."""
    named = "standard input" if target == "-" else target
    try:
        if target == "-":
            data = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with Path(target).open("rb") as file:
                data = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise UsageError(f"no such {noun}: {shortened(named)}") from None
    except (OSError, AttributeError, ValueError):  # AttributeError: the process has no standard input
        raise UsageError(f"no {noun} can be read from {shortened(named)}") from None
    if len(data) > LARGEST:
        raise UsageError(f"{named} is not a {noun}: it is larger than {LARGEST >> 20} MB")
    return data


def _find_file(root: Path, target: str) -> Path:
    """Return the path of a script. Raises `UsageError` if it is missing or a directory."""
    path = (root / target).absolute()
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:
        raise UsageError(f"there is no script called {shortened(target)}: {error.strerror}") from None
    if is_folder:
        raise UsageError(f"{target} is a directory; name the script that trains, such as {target}/train.py")
    if not is_there:
        raise UsageError(f"no such script: {target} (looked in {root})")
    return path


def _find_module(root: Path, target: str) -> Path:
    """Return the file that `python -m` runs for a module. Raises `UsageError` if it is missing."""
    base = root.joinpath(*target.split("."))
    with suppress(OSError):  # The target is not a valid file name.
        regular_package = (base / "__init__.py").is_file()  # Python prefers a package to a module of the same name.
        for path in (base / "__main__.py",) if regular_package else (base.with_suffix(".py"), base / "__main__.py"):
            if path.is_file():
                return path
    message = f"there is no module {shortened(target)} in {root}; descend runs modules from the working directory"
    raise UsageError(message)
