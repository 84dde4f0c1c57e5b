"""Read a git repository with the command `git`. Nothing in it is changed, and no program of its settings is run."""

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from descend.core.control_characters import on_one_line
from descend.core.errors import UsageError, reason_of

# Only those of git's environment variables are kept that restrict the search for a repository or trust one. Others,
# such as GIT_DIR in a hook, name another repository or start programs.
_KEPT = ("GIT_CONFIG", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM")
# `git cat-file` and `git ls-tree` run no hooks, filters or external diffs. A monitor of the file system is a program.
_OPTIONS = ("--no-pager", "-c", "core.fsmonitor=false")


class GitFailed(Exception):
    """Raised if a git command fails. Its text is the first line of git's message."""


def run_git(folder: Path, *arguments: str, data: bytes = b"") -> bytes:
    """Return the output of a git command that runs in `folder` with `data` as input.

    Raises `GitFailed`, and `UsageError` if git is not installed.
    """
    environment = {name: value for name, value in os.environ.items() if not _is_dropped(name)}
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        command = ["git", "-C", str(folder), *_OPTIONS, *arguments]
        done = subprocess.run(command, input=data, capture_output=True, env=environment)
    except FileNotFoundError:
        raise UsageError("git is not installed, so no revision can be read") from None
    except (OSError, ValueError) as error:  # for example, an argument contains a null byte
        raise GitFailed(reason_of(error)) from None
    if done.returncode:
        message = done.stderr.decode("utf-8", "replace").strip() or f"exit status {done.returncode}"
        raise GitFailed(on_one_line(message.splitlines()[0].removeprefix("fatal: ").removeprefix("error: ")))
    return done.stdout


def list_files(top: Path, commit: str) -> dict[str, str]:
    """Return the regular files of a commit: the hash of the content for each path relative to the folder `top`.

    Symbolic links and submodules are left out. Raises `GitFailed`.
    """
    found = {}
    for entry in run_git(top, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")[:-1]:
        head, _, path = entry.partition(b"\t")
        mode, _, content = head.decode().split()
        if mode.startswith("100"):
            found[os.fsdecode(path)] = content
    return found


def content_sizes(top: Path, contents: Sequence[str]) -> list[int]:
    """Return the sizes in bytes of contents, given their hashes. Raises `GitFailed` if one is missing."""
    lines = run_git(top, "cat-file", "--batch-check", data=_as_lines(contents)).splitlines()
    return [_content_size(line) for line in lines]


def read_contents(top: Path, contents: Sequence[str]) -> list[bytes]:
    """Return the bytes of contents, given their hashes. Raises `GitFailed` if one is missing."""
    output = run_git(top, "cat-file", "--batch", data=_as_lines(contents))
    found, position = [], 0
    for _ in contents:
        start = output.index(b"\n", position) + 1
        end = start + _content_size(output[position : start - 1])
        found.append(output[start:end])
        position = end + 1  # Git writes a line end after each content.
    return found


def hash_content(data: bytes, like: str) -> str:
    """Return the hash by which git names a file's content, computed by the same algorithm as the hash `like`."""
    algorithm = hashlib.sha1 if len(like) == 40 else hashlib.sha256
    return algorithm(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _content_size(line: bytes) -> int:
    """Return the size in a line of `git cat-file --batch`. Raises `GitFailed` if the content is missing."""
    content, kind, *size = line.decode().split()
    if kind != "blob":
        raise GitFailed(f"the content {content} is {kind}")
    return int(size[0])


def _as_lines(contents: Sequence[str]) -> bytes:
    """Return the input for `git cat-file --batch`."""
    return "".join(f"{content}\n" for content in contents).encode()


def _is_dropped(variable: str) -> bool:
    """Return whether an environment variable is not passed to git."""
    return variable.startswith("GIT_") and not variable.startswith(_KEPT)
