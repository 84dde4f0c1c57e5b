"""Find the user's files that a script imports, directly or through other files of the user."""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from descend.core.errors import TOO_DEEP, UsageError
from descend.doctor.codemod.locate import is_user_file
from descend.doctor.script.script import Script


def user_files(script: Script) -> list[Path]:
    """Return the script's file and the user's files that it imports, in the order of the imports."""
    files = [script.path]
    for file in files:  # The list grows while it is read, because imported files import others.
        files += [found for found in dict.fromkeys(_imported_files(script, file)) if found not in files]
    return files


def parse_tree(script: Script, file: Path) -> ast.Module | None:
    """Return Python's own syntax tree of a file, which is fast to make; None if the file cannot be read or parsed."""
    try:
        return ast.parse(script.read(file))
    except (OSError, UsageError, SyntaxError, ValueError, *TOO_DEEP):
        return None


def _imported_files(script: Script, file: Path) -> Iterator[Path]:
    """Yield the user's files that the import statements of a file name."""
    tree = parse_tree(script, file)
    search_path = list(dict.fromkeys((script.path.parent, script.root)))
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _files_of_module(script, search_path, alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            # The first dot of a relative import is the file's own folder, each further dot the folder above.
            folders = [[file, *file.parents][min(node.level, len(file.parents))]] if node.level else search_path
            parts = node.module.split(".") if node.module else []
            yield from _files_of_module(script, folders, parts)
            for alias in node.names:  # An imported name may be a module, too.
                yield from _files_of_module(script, folders, [*parts, alias.name])


def _files_of_module(script: Script, folders: Sequence[Path], parts: Sequence[str]) -> Iterator[Path]:
    """Yield the user's files that Python runs for ``import a.b.c``: those of the packages and of the module itself."""
    for folder in folders:
        for length in range(1, len(parts) + 1):
            base = folder.joinpath(*parts[:length])
            for file in (base / "__init__.py", base.with_suffix(".py")):
                if is_user_file(script, file) and script.has_file(file):
                    yield file
                    break
