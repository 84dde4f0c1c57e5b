"""Paths as code hosts expect them: relative to the root of the repository."""

import os
import shlex
from pathlib import Path

from descend.doctor.case import Case
from descend.doctor.report.formatting import relative_path, working_directory

WORKSPACE = "GITHUB_WORKSPACE"  # environment variable of GitHub Actions: the folder of the checked-out repository


def repository_root(case: Case) -> Path:
    """Return the root of the repository that contains the script's working directory.

    It is the workspace of GitHub Actions or the root of the Git work tree; without both, the working directory.
    """
    folder = working_directory(case)
    workspace = os.environ.get(WORKSPACE, "")
    if workspace and folder.is_relative_to(Path(workspace).resolve()):
        return Path(workspace).resolve()
    return next((parent for parent in (folder, *folder.parents) if os.path.exists(parent / ".git")), folder)


def path_in_repository(case: Case, file: str) -> str:
    """Return the path of a file relative to the root of the repository; an absolute path outside of it.

    A script from standard input or the cells of a notebook have no such file: return their name.
    """
    return relative_path(file, repository_root(case))


def script_file(case: Case) -> str:
    """Return the path of the script, from the command that starts it."""
    try:
        words = shlex.split(case.record.script)
    except ValueError:  # A quotation mark of the command was masked or is missing.
        words = case.record.script.split()
    if words[:1] == ["-m"] and words[1:]:
        return str(working_directory(case) / f"{words[1].replace('.', '/')}.py")
    return str(working_directory(case) / (words or ["script"])[0])
