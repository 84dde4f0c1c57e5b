"""The scratch copy: the working directory rebuilt in a temporary folder, its sources copied, all else linked.

The whole way from the root of the file system down to the working directory is rebuilt, so that `../data`
leads where it led before. Folders on that way and below the working directory are real; files in them are
links, but for Python sources and settings, which are copies; whatever lies beside the way is one link. A link
becomes real when it is written (`copy_on_write`). Every copy for a script is made of the same sources (`sources`).
"""

import os
import shutil
import stat
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from descend.doctor.sandbox.links import Links
from descend.doctor.script.notebook import is_notebook, left_out
from descend.doctor.script.script import Script, source_encoding
from descend.doctor.script.sources import Entry, Kept, Sources, scan
from descend.ground.errors import UsageError
from descend.ground.temporary import temporary_folder

# A link costs 25 µs on an idle ext4 and thirty times that on a busy one, once for all runs; its name in each 15 µs.
MAX_ENTRIES = 5_000  # in all; folders beyond that, the farthest first, are linked whole
MAX_FOLDER = 1_000  # in one folder: more than that are data, which are read
LINKED_WHOLE = frozenset({".git", ".hg", ".svn", ".venv", "venv", "node_modules", ".tox", ".nox"})
ENVIRONMENTS = frozenset({"pyvenv.cfg", "conda-meta"})  # what a folder of installed packages is known by
LEFT_OUT = frozenset({"__pycache__", ".descend"})


@dataclass(frozen=True)
class Scratch:
    """A place where a script may do as it likes."""

    top: Path  # the temporary folder that holds all of it
    files: Path  # stands for the root of the file system
    root: Path  # the copy of the working directory
    compiled: Path  # what compilers keep between runs
    homes: tuple[Path, ...]  # the user's folders that are rebuilt: the working directory, the script's own
    notes: tuple[str, ...] = ()  # what was linked whole, and why

    @property
    def writable(self) -> tuple[Path, ...]:
        """The folders that the script may change."""
        return (self.top, self.compiled)

    def path(self, original: Path) -> Path:
        """Return where a file of the user's lies in the copy; itself when it has no place there."""
        path = _plain(original)
        inside = any(path.is_relative_to(home) for home in self.homes)
        return _below(self.files, path) if inside else original

    def original(self, path: Path) -> Path:
        """Return the user's path of a file in the copy; itself when it lies elsewhere."""
        plain = _plain(path)
        return Path("/", plain.relative_to(self.files)) if plain.is_relative_to(self.files) else path


@contextmanager
def scratch_copy(script: Script, compiled: Path | None = None, links: Links | None = None) -> Iterator[Scratch]:
    """Yield a scratch copy in which the script's edits are made; it is deleted afterwards, whatever happens.

    `compiled` is a folder for compiled kernels that several runs share, `links` what makes the links of several
    copies; by default both are in the copy. Raises `UsageError` when there is no room, or when an edit cannot be
    written in its file's encoding.
    """
    with ExitStack() as stack:
        try:
            top = stack.enter_context(temporary_folder())
            scratch = _build(script, top, compiled, links or Links(os.path.join(top, "links")))
        except OSError as error:
            reason = f"{error.strerror or error} ({error.filename or tempfile.gettempdir()})"
            raise UsageError(f"no scratch copy of {script.root} can be made: {reason}; TMPDIR moves it") from None
        yield scratch


def _build(script: Script, top: Path, compiled: Path | None, links: Links) -> Scratch:
    files, root, path = top / "files", _plain(script.root), _plain(script.path)
    compiled = (compiled or top / "compiled").absolute()
    edits = {_plain(file): text for file, text in script.edits.items()}
    homes = tuple(dict.fromkeys([root, path.parent, *(file.parent for file in edits)]))
    for folder in (files, compiled, top / "tmp"):
        folder.mkdir(parents=True, exist_ok=True)
    sources = script.sources or Sources()
    tree = _Tree(files, homes, sources, links)
    for home in homes:
        tree.open_way(home)
    for home in (path.parent, root):
        tree.open_below(home)
    for file in {path, *edits}:
        text = edits.get(file) or (script.unedited(file) if is_notebook(file) else None)
        if text is not None:
            _write_source(script, file, _below(files, file), text)
        elif not file.is_symlink():  # whatever its name: it is what runs
            _make_real(file, _below(files, file), sources)
    if is_notebook(path) and (lines := left_out(script.kept(path).decode("utf-8"), path.name)):
        tree.notes.append(
            f"{path.name}: commands to the notebook, which are no Python, are left out: {', '.join(lines)}"
        )
    return Scratch(top, files, _below(files, root), compiled, homes, tuple(tree.notes))


@dataclass
class _Tree:
    """The copy while it is built."""

    files: Path
    homes: tuple[Path, ...]
    sources: Sources
    links: Links
    notes: list[str] = field(default_factory=list)
    opened: set[Path] = field(default_factory=set)
    entries: int = 0

    def open_way(self, folder: Path) -> None:
        """Make the folders down to `folder` real, with links to what lies beside the way."""
        for original in [*reversed(folder.parents), folder]:
            if original not in self.opened:
                entries = self._entries(original) or []
                if len(entries) > MAX_ENTRIES and original not in self.homes:
                    self.notes.append(f"{original} has {len(entries)} entries: those off the way are left out")
                    entries = []
                self._open(original, entries)

    def open_below(self, home: Path) -> None:
        """Make the folders below `home` real, the nearest first, as many as may be."""
        device = _device(home)
        waiting = deque(self._folders(home))
        while waiting:
            folder = waiting.popleft()
            if folder not in self.opened:
                if folder.name in LINKED_WHOLE or _device(folder) != device:
                    continue
                entries = self._entries(folder)
                if entries is None or any(entry.name in ENVIRONMENTS for entry in entries):
                    continue
                if len(entries) > MAX_FOLDER or self.entries + len(entries) > MAX_ENTRIES:
                    self.notes.append(f"{folder} is linked whole: there are too many files to link one by one")
                    continue
                self.entries += len(entries)
                self._open(folder, entries)
            waiting.extend(self._folders(folder))

    def _entries(self, folder: Path) -> list[Entry] | None:
        is_below = any(folder.is_relative_to(home) for home in self.homes)
        try:
            return [e for e in (self.sources.entries if is_below else scan)(folder) if e.name not in LEFT_OUT]
        except OSError as error:
            self.notes.append(f"{folder} cannot be listed: {error.strerror}")
            return None

    def _folders(self, folder: Path) -> list[Path]:
        return [Path(e.path) for e in self._entries(folder) or [] if e.is_folder]

    def _open(self, folder: Path, entries: Iterable[Entry]) -> None:
        copy = _below(self.files, folder)
        if copy.is_symlink():
            copy.unlink()
        copy.mkdir(exist_ok=True)
        self.opened.add(folder)
        for entry in entries:
            self._place(entry, os.path.join(copy, entry.name))

    def _place(self, entry: Entry, copy: str) -> None:
        if (target := entry.target) is not None:
            if os.path.isabs(target) and any(_plain(Path(target)).is_relative_to(h) for h in self.homes):
                target = str(_below(self.files, _plain(Path(target))))
            self.links.link(target, copy)  # a relative one leads to the same place in the copy
        elif (kept := self.sources.copied(entry.path)) is not None:
            _write(kept, copy)
        elif entry.name.endswith(".py") and entry.is_file and os.access(entry.path, os.R_OK):
            _copy_file(entry.path, copy)
        else:
            self.links.link(entry.path, copy)


def _write_source(script: Script, file: Path, copy: Path, text: str) -> None:
    """Write a file's new text into the copy."""
    encoding = _encoding(script, file)
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError as error:
        raise UsageError(
            f"the edit of {file} needs {error.object[error.start]!r}, which its encoding {encoding} lacks"
        ) from None
    if copy.is_symlink():
        copy.unlink()
    copy.write_bytes(data)


def _encoding(script: Script, file: Path) -> str:
    try:
        return source_encoding(script.kept(file))
    except (OSError, SyntaxError):  # a new file, or no Python source
        return "utf-8"


def _make_real(file: Path, copy: Path, sources: Sources) -> None:
    """Replace a link to a source in the copy by the source."""
    if copy.is_symlink():
        copy.unlink()
        kept = sources.keep(str(file))
        if kept is None:
            _copy_file(str(file), str(copy))
        else:
            _write(kept, str(copy))


def _write(kept: Kept, copy: str) -> None:
    with open(copy, "wb") as file:
        file.write(kept.data)
    _dress(copy, kept.mode, kept.times)


def _copy_file(original: str, copy: str) -> None:
    shutil.copyfile(original, copy)
    found = os.stat(original)
    _dress(copy, stat.S_IMODE(found.st_mode), (found.st_atime_ns, found.st_mtime_ns))


def _dress(copy: str, mode: int, times: tuple[int, int]) -> None:
    os.chmod(copy, mode | stat.S_IRUSR | stat.S_IWUSR)
    os.utime(copy, ns=times)


def _plain(path: Path) -> Path:
    """Return an absolute path without `..`, its links left in."""
    return Path(os.path.abspath(path))


def _below(files: Path, original: Path) -> Path:
    return files / original.relative_to("/")


def _device(folder: Path) -> int:
    try:
        return os.stat(folder).st_dev
    except OSError:
        return -1
