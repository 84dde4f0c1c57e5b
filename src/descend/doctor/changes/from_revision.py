"""Turn a git revision into edits: the script and the user's modules as they were at that revision."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from descend.core.control_characters import on_one_line, shortened
from descend.core.errors import UsageError
from descend.core.regular_files import LARGEST
from descend.doctor.changes.git import GitFailed, content_sizes, hash_content, list_files, read_contents, run_git
from descend.doctor.changes.hunks import has_only_crlf
from descend.doctor.changes.user_files import edit_source, path_of_script
from descend.doctor.script.script import Script, decode_source, split_lines
from descend.doctor.script.source_snapshot import CODE, LARGEST_SETTINGS, MOST_SETTINGS, SETTINGS

_LFS = b"version https://git-lfs.github.com/spec/"  # the start of a file that git-lfs stores elsewhere


@dataclass(frozen=True)
class Revision:
    """A commit of the repository that contains the script."""

    name: str  # as the user has named it
    commit: str  # full hash
    short_hash: str
    subject: str  # first line of the commit's message
    top: Path  # top folder of the repository, with all links resolved

    def __str__(self) -> str:
        return f'{self.short_hash} "{self.subject}"'


def find_revision(script: Script, name: str) -> Revision:
    """Return the commit that a user has named, such as `HEAD~1`, in the repository that contains the script.

    Raises `UsageError` if git is not installed, if the script is in no repository, or if it has no such commit.
    """
    folder = Path(os.path.realpath(script.path)).parent
    try:
        top = Path(os.fsdecode(run_git(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n")))
    except GitFailed as error:
        raise UsageError(f"{script.path.name} is in no git repository that can be read: {error}") from None
    commit = _find_commit(top, name)
    try:
        options = ("-1", "--no-show-signature", "--encoding=UTF-8", "--format=%h%x00%s")
        output = run_git(top, "log", *options, commit, "--").decode("utf-8", "replace")
    except GitFailed as error:
        raise UsageError(f"the revision {shortened(name)} cannot be read: {error}") from None
    short_hash, _, subject = output.rstrip("\n").partition("\0")
    return Revision(on_one_line(name), commit, short_hash, on_one_line(subject), top)


def at_revision(script: Script, revision: Revision | str) -> Script:
    """Return the script as it was at a revision. Edits made so far are left out.

    Each Python and settings file of the repository that has changed since gets its old text, and files that existed
    only then are created. Files that did not exist then stay, because nothing in the old version imports them. Data,
    submodules and files that git does not track are also the same in both versions. Raises `UsageError`.
    """
    revision = find_revision(script, revision) if isinstance(revision, str) else revision
    script = replace(script, edits={})
    try:
        contents = list_files(revision.top, revision.commit)
        main = os.path.relpath(os.path.realpath(script.path), revision.top)
        if main not in contents:
            raise UsageError(f"{script.path.name} does not exist at {revision}")
        _require_nothing_hides(contents, revision)
        changed = list(_changed_files(script, contents, main, revision))
        sizes = content_sizes(revision.top, [contents[path] for path in changed]) if changed else []
        limits = [LARGEST_SETTINGS if path.endswith(SETTINGS) else LARGEST for path in changed]
        changed = [path for path, size, limit in zip(changed, sizes, limits) if size <= limit]
        old = read_contents(revision.top, [contents[path] for path in changed]) if changed else []
    except GitFailed as error:
        raise UsageError(f"the files at {revision} cannot be read: {error}") from None
    for path, data in zip(changed, old):
        if not data.startswith(_LFS):
            script = _with_old_text(script, path_of_script(script, revision.top / path), data, revision)
    return script


def _find_commit(top: Path, name: str) -> str:
    """Return the hash of a commit. Raises `UsageError` if there is no such commit."""
    try:
        if name.startswith("-"):
            raise GitFailed("a revision cannot begin with -")
        named = run_git(top, "rev-parse", "--verify", "--end-of-options", name).decode().strip()
        # This is a second command, because the search `:/text` would take `^{commit}` as a part of its text.
        return run_git(top, "rev-parse", "--verify", f"{named}^{{commit}}").decode().strip()
    except GitFailed as error:
        is_vague = "single revision" in str(error)  # git's message for every name that it does not find
        reason = f"{top} has no such commit, branch or tag" if is_vague else str(error)
    try:
        is_shallow = run_git(top, "rev-parse", "--is-shallow-repository").strip() == b"true"
    except GitFailed:
        is_shallow = False
    advice = "; this clone is shallow, so older commits are missing (git fetch --unshallow)" if is_shallow else ""
    raise UsageError(f'"{on_one_line(shortened(name))}" is not a git revision: {reason}{advice}')


def _require_nothing_hides(contents: dict[str, str], revision: Revision) -> None:
    """Raise `UsageError` if a package that is new since the revision would be imported in place of an old module."""
    for path in contents:
        package = os.path.join(path.removesuffix(CODE), "__init__.py")
        if path.endswith(CODE) and package not in contents and (revision.top / package).is_file():
            raise UsageError(f"{package} does not exist at {revision}, and Python would import it in place of {path}")


def _changed_files(script: Script, contents: dict[str, str], main: str, revision: Revision) -> Iterator[str]:
    """Yield the paths of the source and settings files whose present bytes differ from those at the revision."""
    settings = Counter(os.path.dirname(path) for path in contents if path.endswith(SETTINGS))
    absent = []
    for path, content in contents.items():
        is_data = path.endswith(SETTINGS) and settings[os.path.dirname(path)] > MOST_SETTINGS
        if path != main and (not path.endswith((CODE, *SETTINGS)) or is_data):
            continue
        real = revision.top / path
        if os.path.realpath(real.parent) != str(real.parent) or real.is_dir():
            continue  # A link has replaced the folder, or a folder the file.
        file = path_of_script(script, real)
        if not script.has_file(file):
            absent.append(path)
            continue
        try:
            is_equal = hash_content(script.original_bytes(file), content) == content
        except OSError:  # for example, the file is too large
            continue
        if not is_equal:
            yield path
    if absent:
        sparse = _files_left_out(revision.top)
        yield from (path for path in absent if path not in sparse)


def _files_left_out(top: Path) -> set[str]:
    """Return the files that a sparse checkout leaves out. They are absent, but not deleted. Raises `GitFailed`."""
    entries = run_git(top, "ls-files", "-t", "-z").split(b"\0")
    return {os.fsdecode(entry[2:]) for entry in entries if entry.startswith(b"S ")}


def _with_old_text(script: Script, file: Path, data: bytes, revision: Revision) -> Script:
    """Return the script in which a file has the text that is stored in a commit, with the line ends of the file now."""
    try:
        text = decode_source(file, data)
    except UsageError as error:
        raise UsageError(f"at {revision}: {error}") from None
    if not script.has_file(file):
        return edit_source(script, file, text, str(revision))
    now = script.read(file)
    lines = split_lines(text)
    if has_only_crlf(split_lines(now)) and not any(line.endswith("\r\n") for line in lines):
        text = text.replace("\n", "\r\n")  # Git stores other line ends than it checks out (gitattributes(5), eol).
    return script if text == now else edit_source(script, file, text, str(revision))
