"""Find the user's file that a diff names, without leaving the user's folders, and edit it."""

import os
from collections.abc import Sequence
from pathlib import Path

from descend.core.control_characters import on_one_line
from descend.core.errors import UsageError, reason_of
from descend.doctor.changes.diff_parsing import FileDiff
from descend.doctor.script import notebook
from descend.doctor.script.script import Script


def find_file(script: Script, diff: FileDiff, patch: str) -> Path:
    """Return the file that a diff changes or creates. patch: name of the patch for messages.

    Names are relative to the working directory or to the top folder of the git repository that contains it. Raises
    `UsageError` if there is no such file, or if it is outside these folders, also through a symbolic link.
    """
    shown = on_one_line(diff.new)
    top = repository_top(script.root)
    names = [name for name in (diff.new, diff.old) if name is not None and _is_inside(name, top)]
    if not names:
        raise UsageError(f"{patch} changes {shown}, which is outside {top}")
    try:
        path = _search_file(script, diff, names, top)
    except OSError as error:  # for example, the name is too long
        raise UsageError(f"{patch} changes {shown}: {reason_of(error)}") from None
    if path is None:
        raise UsageError(f"{patch} changes {shown}, and there is no such file (looked in {script.root})")
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(os.path.realpath(top)):
        raise UsageError(f"{patch} changes {shown}, and a symbolic link leads to {real}, which is outside {top}")
    return path_of_script(script, real)


def _search_file(script: Script, diff: FileDiff, names: Sequence[str], top: Path) -> Path | None:
    """Return the path of the file with one of the names of a diff; None if there is no such file. Raises `OSError`."""
    stripped = [rest for name in names if (rest := name.partition("/")[2]) and not os.path.isabs(name)]
    kinds = (stripped, names) if diff.has_prefix else (names, stripped)
    for spelled in kinds if diff.old is not None else kinds[:1]:
        for base in dict.fromkeys((top, script.root) if diff.is_from_git else (script.root, top)):
            paths = [base / name for name in spelled]
            found = [path for path in paths if script.has_file(path)]
            if diff.old is None and not found:
                found = [path for path in paths if not any(parent.is_file() for parent in path.parents)]
            if found:
                # If both names exist, as in `diff -u train.py.orig train.py`, GNU patch takes the shorter one, too.
                return min(found, key=lambda path: (path != script.path, len(path.parts), len(str(path))))
    return None


def repository_top(folder: Path) -> Path:
    """Return the top folder of the git repository that contains `folder`; `folder` itself without a repository."""
    return next((parent for parent in (folder, *folder.parents) if os.path.lexists(parent / ".git")), folder)


def path_of_script(script: Script, real: Path) -> Path:
    """Return the path that the script uses for a file, given its path with all links resolved."""
    if str(real) == os.path.realpath(script.path):
        return script.path
    root = Path(os.path.realpath(script.root))
    return script.root / real.relative_to(root) if real.is_relative_to(root) else real


def shown_path(script: Script, file: Path) -> str:
    """Return the path of a file for messages: relative to the working directory if it is below it."""
    return on_one_line(str(file.relative_to(script.root) if file.is_relative_to(script.root) else file))


def read_text(script: Script, file: Path) -> str:
    """Return the text of a file with the edits so far, as a diff shows it: of a notebook, the JSON as Jupyter saves it.

    Raises `UsageError` if the file cannot be read as text.
    """
    try:
        text = script.read(file)
        return notebook.split_cell_lines(_json(script, file, text), file.name) if notebook.is_notebook(file) else text
    except OSError as error:
        raise UsageError(f"{shown_path(script, file)} cannot be read: {reason_of(error)}") from None


def edit_source(script: Script, file: Path, source: str, change: str) -> Script:
    """Return the script in which `file` has the Python source `source`. change: name of the change for messages.

    Raises `UsageError` if the file is a notebook and the source has other cells.
    """
    edited = script.edit(file, source)
    if notebook.is_notebook(file):
        if edited.is_created(file):
            raise UsageError(f"{change} creates the notebook {shown_path(script, file)}: only scripts can be created")
        if notebook.to_source(_json(script, file, source), file.name) != source:
            shown = shown_path(script, file)
            raise UsageError(f"{change} adds, removes or moves cells of {shown}: only the code in cells can change")
    return edited


def _json(script: Script, file: Path, source: str) -> str:
    """Return the JSON of a notebook whose code cells contain `source`."""
    return script.encode(file, source).decode("utf-8")


def _is_inside(name: str, top: Path) -> bool:
    """Return whether the name in a diff is a path below the folder `top`, as far as the name shows."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:  # a lone surrogate
        return False
    if not name or "\0" in name or ".." in Path(name).parts:
        return False
    return not os.path.isabs(name) or Path(name).is_relative_to(top)
