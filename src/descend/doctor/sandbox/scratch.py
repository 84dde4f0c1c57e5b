"""Make the scratch copy: the working directory in a temporary folder, with sources copied and other files linked.

All parent folders up to the root of the file system are made too, so that `../data` still works. Parent folders and
folders below the working directory are real. Files in them are links, except Python sources and settings, which are
copies. Other entries of parent folders are one link each. A link is replaced by a copy when the script writes to it
(`copy_on_write`). Every scratch copy of a script is made from the same sources (`sources`).
"""

import os
import shutil
import stat
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic

from descend.core.errors import UsageError
from descend.core.temporary import temporary_folder
from descend.doctor.sandbox.links import Links
from descend.doctor.sandbox.outside_effects import KERNEL_FOLDERS
from descend.doctor.script.notebook import ignored_lines, is_notebook
from descend.doctor.script.script import Script, encode_source
from descend.doctor.script.source_snapshot import FileContent, FolderEntry, SourceSnapshot, scan_folder

# On ext4, the symbolic link of an entry takes 25 µs once for all runs (thirty times as long on a busy disk). Its hard
# link takes 15 µs in each run.
MAX_ENTRIES = 5_000  # maximum entries of all folders; beyond this limit, each deeper folder becomes one link
MAX_FOLDER = 1_000  # maximum entries of one folder; a larger folder probably contains data and becomes one link
LINKED_WHOLE = frozenset({".git", ".hg", ".svn", ".venv", "venv", "node_modules", ".tox", ".nox"})
ENVIRONMENTS = frozenset({"pyvenv.cfg", "conda-meta"})  # names that only a folder of installed packages contains
LEFT_OUT = frozenset({"__pycache__", ".descend"})


@dataclass(frozen=True)
class Scratch:
    """A scratch copy: a temporary copy of the working directory, in which a script may change everything."""

    top: Path  # the temporary folder with the whole copy
    files: Path  # folder in the copy that corresponds to / of the file system
    root: Path  # folder in the copy that corresponds to the working directory
    compiled: Path  # folder for compiled kernels, which several runs may share
    homes: tuple[Path, ...]  # the user's folders that are copied: the working directory and the script's folder
    notes: tuple[str, ...] = ()  # messages about what is left out or linked as a whole
    # Expected seconds until the copy is deleted: those of the slowest creation or deletion of a copy so far.
    deletion_s: float = 0.0

    @property
    def writable_folders(self) -> tuple[Path, ...]:
        """The folders that the script may change."""
        return (self.top, self.compiled)

    def path_in_copy(self, original: Path) -> Path:
        """Return the path in the scratch copy of a user's file; return the path unchanged if the file is not copied."""
        path = _absolute_path(original)
        inside = any(path.is_relative_to(home) for home in self.homes)
        return _path_in_copy(self.files, path) if inside else original

    def original_path(self, path: Path) -> Path:
        """Return the path of the user's file for a file in the scratch copy; return any other path unchanged."""
        plain = _absolute_path(path)
        return Path("/", plain.relative_to(self.files)) if plain.is_relative_to(self.files) else path


@contextmanager
def scratch_copy(script: Script, compiled: Path | None = None, links: Links | None = None) -> Iterator[Scratch]:
    """Yield a scratch copy that contains the script's edits; it is deleted afterwards, even after an error.

    `compiled` is a folder for compiled kernels that several runs share, `links` are the links that several copies
    share; by default both are in the copy. Raises `UsageError` if the disk is full, or if an edit cannot be written in
    its file's encoding.
    """
    began = monotonic()
    with ExitStack() as stack:
        try:
            top = stack.enter_context(temporary_folder())
            links = links or Links(os.path.join(top, "links"))
            scratch = _build_copy(script, top, compiled, links)
        except OSError as error:
            reason = f"{error.strerror or error} ({error.filename or tempfile.gettempdir()})"
            raise UsageError(f"{script.root} could not be copied: {reason}. Set TMPDIR to another folder") from None
        links.slowest_s = max(links.slowest_s, monotonic() - began)
        yield replace(scratch, deletion_s=links.slowest_s)
        began = monotonic()
    links.slowest_s = max(links.slowest_s, monotonic() - began)


def _build_copy(script: Script, top: Path, compiled: Path | None, links: Links) -> Scratch:
    """Make the scratch copy of the script's folders in the folder `top`, and return its description."""
    files, root, path = top / "files", _absolute_path(script.root), _absolute_path(script.path)
    compiled = (compiled or top / "compiled").absolute()
    edits = {_absolute_path(file): text for file, text in script.edits.items()}
    homes = tuple(dict.fromkeys([root, path.parent, *(file.parent for file in edits)]))
    for folder in (files, compiled, top / "tmp"):
        folder.mkdir(parents=True, exist_ok=True)
    sources = script.sources or SourceSnapshot()
    tree = _UnfinishedCopy(files, homes, sources, links)
    for home in homes:
        tree.copy_with_parents(home)
    for home in (path.parent, root):
        tree.copy_subfolders(home)
    for file in {path, *edits}:
        text = script.unedited_text(file) if is_notebook(file) and file not in edits else edits.get(file)
        if text is not None:
            _write_source(script, file, _path_in_copy(files, file), text)
        elif not file.is_symlink():  # the script is copied even if its name does not end in .py
            _replace_link(file, _path_in_copy(files, file), sources)
    if is_notebook(path) and (lines := ignored_lines(script.original_bytes(path).decode("utf-8"), path.name)):
        tree.notes.append(f"{path.name}: lines that are not Python code are left out: {', '.join(lines)}")
    return Scratch(top, files, _path_in_copy(files, root), compiled, homes, tuple(tree.notes))


@dataclass
class _UnfinishedCopy:
    """A scratch copy to which folders are still being added."""

    files: Path  # folder in the copy that corresponds to / of the file system
    homes: tuple[Path, ...]  # the user's folders that are copied: the working directory and the script's folder
    sources: SourceSnapshot
    links: Links
    notes: list[str] = field(default_factory=list)  # messages about what is left out or linked as a whole
    opened: set[Path] = field(default_factory=set)  # the user's folders that are not links in the copy
    entries: int = 0  # number of entries in the copy so far

    def copy_with_parents(self, folder: Path) -> None:
        """Copy a folder and its parent folders. Their other entries become links, or copies of Python files."""
        for original in [*reversed(folder.parents), folder]:
            if original not in self.opened:
                entries = self._list_entries(original) or []
                if len(entries) > MAX_ENTRIES and original not in self.homes:
                    self.notes.append(
                        f"{original} has too many entries to copy ({len(entries)}), so only the script's own is copied"
                    )
                    entries = []
                self._make_folder(original, entries)

    def copy_subfolders(self, home: Path) -> None:
        """Copy the subfolders of a folder, level by level, until the copy is too large. The others remain links."""
        device = _file_system_id(home)
        waiting = deque(self._subfolders(home))
        while waiting:
            folder = waiting.popleft()
            if folder not in self.opened:
                if folder.name in LINKED_WHOLE or _file_system_id(folder) != device:
                    continue
                entries = self._list_entries(folder)
                if entries is None or any(entry.name in ENVIRONMENTS for entry in entries):
                    continue
                if len(entries) > MAX_FOLDER or self.entries + len(entries) > MAX_ENTRIES:
                    self.notes.append(f"{folder} is linked as a whole, because it has too many files to copy")
                    continue
                self.entries += len(entries)
                self._make_folder(folder, entries)
            waiting.extend(self._subfolders(folder))

    def _list_entries(self, folder: Path) -> list[FolderEntry] | None:
        """Return the entries of a user's folder; None if the folder cannot be listed."""
        is_below = any(folder.is_relative_to(home) for home in self.homes)
        try:
            return [
                e for e in (self.sources.list_folder if is_below else scan_folder)(folder) if e.name not in LEFT_OUT
            ]
        except FileNotFoundError:  # an edit creates a file in a new folder
            return []
        except OSError as error:
            self.notes.append(f"{folder} cannot be listed: {error.strerror}")
            return None

    def _subfolders(self, folder: Path) -> list[Path]:
        """Return the subfolders of a user's folder."""
        return [Path(e.path) for e in self._list_entries(folder) or [] if e.is_folder]

    def _make_folder(self, folder: Path, entries: Iterable[FolderEntry]) -> None:
        """Make a real folder in the copy for a folder of the user, and add the given entries to it."""
        copy = _path_in_copy(self.files, folder)
        if copy.is_symlink():
            copy.unlink()
        copy.mkdir(exist_ok=True)
        self.opened.add(folder)
        for entry in entries:
            self._add_entry(entry, os.path.join(copy, entry.name))

    def _add_entry(self, entry: FolderEntry, copy: str) -> None:
        """Add an entry to the copy: a link to the original, or a copy of a Python or settings file."""
        if entry.target is not None:
            target = self._target_in_copy(entry.target)
            link = self.links.link if target == entry.target else os.symlink  # copies share only links with one target
            link(target, copy)
        elif (kept := self.sources.kept_content(entry.path)) is not None:
            _write_content(kept, copy)
        elif entry.name.endswith(".py") and entry.is_file and os.access(entry.path, os.R_OK):
            _copy_file(entry.path, copy)
        else:
            self.links.link(entry.path, copy)

    def _target_in_copy(self, target: str) -> str:
        """Return the target in the copy for a link of the user, so that both names of a file lead to one version of it.

        A relative link leads to the corresponding entry in the copy anyway.
        """
        path = _absolute_path(Path(target))
        if not os.path.isabs(target) or f"{path}/".startswith(KERNEL_FOLDERS):
            return target
        copy = str(_path_in_copy(self.files, path))
        return copy if any(path.is_relative_to(h) for h in self.homes) or os.path.lexists(copy) else target


def _write_source(script: Script, file: Path, copy: Path, text: str) -> None:
    """Write the edited text of a file to the copy, in the encoding that it declares."""
    try:
        before = script.original_bytes(file)
    except OSError:  # the file is new, or it cannot be read
        before = b""
    data = encode_source(file, before, text)
    if copy.is_symlink():
        copy.unlink()
    copy.write_bytes(data)


def _replace_link(file: Path, copy: Path, sources: SourceSnapshot) -> None:
    """Replace a link in the copy by a copy of the linked file."""
    if copy.is_symlink():
        copy.unlink()
        kept = sources.keep_content(str(file))
        if kept is None:
            _copy_file(str(file), str(copy))
        else:
            _write_content(kept, str(copy))


def _write_content(kept: FileContent, copy: str) -> None:
    """Write a file in the copy with the content, mode and times that were stored for the original."""
    with open(copy, "wb") as file:
        file.write(kept.data)
    _set_metadata(copy, kept.mode, kept.times)


def _copy_file(original: str, copy: str) -> None:
    """Copy a file with its mode and times."""
    shutil.copyfile(original, copy)
    found = os.stat(original)
    _set_metadata(copy, stat.S_IMODE(found.st_mode), (found.st_atime_ns, found.st_mtime_ns))


def _set_metadata(copy: str, mode: int, times: tuple[int, int]) -> None:
    """Set the mode and times of a copied file. Its owner may always read and write the copy."""
    os.chmod(copy, mode | stat.S_IRUSR | stat.S_IWUSR)
    os.utime(copy, ns=times)


def _absolute_path(path: Path) -> Path:
    """Return an absolute path without `..`. Links are not resolved."""
    return Path(os.path.abspath(path))


def _path_in_copy(files: Path, original: Path) -> Path:
    """Return the path in the copy that corresponds to an absolute path."""
    return files / original.relative_to("/")


def _file_system_id(folder: Path) -> int:
    """Return the number of the file system that contains a folder; -1 if the folder cannot be read."""
    try:
        return os.stat(folder).st_dev
    except OSError:
        return -1
