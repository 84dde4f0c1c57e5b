"""Parse unified diffs as `git diff`, `diff -u`, code hosts and `descend` write them.

Text between the files of a diff, such as the message of a commit, is skipped. A hunk must have exactly the number of
lines that its header states, because a wrong number is the mark of a damaged patch.
"""

import os
import re
from dataclasses import dataclass, field, replace

from descend.core.control_characters import on_one_line, shortened
from descend.core.errors import UsageError
from descend.doctor.changes.hunks import Hunk
from descend.doctor.script.script import NO_FILE, split_lines

_HUNK = re.compile(r"(@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@)")
_PREFIX = re.compile(r"[abciow12]/")  # folders that `git diff` writes above names (git-config(1), diff.mnemonicPrefix)
_ESCAPE = re.compile(rb'\\([0-7]{3}|[abtnvfr"\\])')  # in names that git quotes (git-config(1), core.quotePath)
_ESCAPED = dict(zip(b'abtnvfr"\\', b'\a\b\t\n\v\f\r"\\'))
# `diff -N` writes the start of 1970 in the local time zone for a file that does not exist.
_NO_TIME = re.compile(r"\t(1970-01-01|1969-12-31) ")
_BINARY = re.compile(r"Binary files (.*) and (.*) differ")
ADVICE = "descend supports changed lines and new text files"
_UNSUPPORTED = {  # the start of a line in the header of a git diff -> what the patch does
    "rename from ": "renames",
    "copy from ": "copies",
    "deleted file mode ": "deletes",
    "new file mode 12": "creates a symbolic link as",
    "new file mode 16": "creates a submodule as",
    "GIT binary patch": "changes the binary file",
}


@dataclass(frozen=True)
class FileDiff:
    """The part of a diff that changes one file. The names are as the diff spells them."""

    old: str | None  # None if the file is new
    new: str
    hunks: tuple[Hunk, ...]
    is_from_git: bool  # whether `git diff` has written the names, usually relative to the top folder of the repository
    has_prefix: bool  # whether the first folder of the names is not part of the path, such as `a/`


@dataclass
class _GitHeader:
    """The lines of `git diff` above the names of a file."""

    text: str  # the names in its first line
    is_new: bool = False

    @property
    def names(self) -> tuple[str, str] | None:
        """The old and the new name; None if they have different lengths, so that they are not uniquely separated."""
        middle = len(self.text) // 2
        separated = self.text[middle : middle + 1] == " "
        return (_name(self.text[:middle]), _name(self.text[middle + 1 :])) if separated else None


def parse_diff(text: str, patch: str) -> tuple[FileDiff, ...]:
    """Return the files of a unified diff. patch: its name for messages. Raises `UsageError` if it is not supported."""
    lines = split_lines(text if text.endswith("\n") else f"{text}\n")
    files = _Parser(patch, lines).parse()
    if not files:
        first = next((line for line in lines if line.strip()), "")
        found = f'it begins with "{on_one_line(shortened(first.strip()))}"' if first else "it is empty"
        is_diff = any(line.startswith(("diff --git ", "Only in ")) for line in lines)
        raise UsageError(f"{patch} changes no lines" if is_diff else f"{patch} is not a unified diff: {found}")
    return files


@dataclass
class _Parser:
    """The lines of a diff, and the index of the next one."""

    patch: str  # name of the patch for messages
    lines: list[str]
    next: int = 0
    git: _GitHeader | None = None  # header of the file that follows
    files: list[FileDiff] = field(default_factory=list)

    def parse(self) -> tuple[FileDiff, ...]:
        """Return the files of the diff."""
        while self.next < len(self.lines):
            line = self._line().rstrip("\r\n")
            if line.startswith("--- ") and self._line(1).startswith("+++ "):
                self._parse_file()
                continue
            self._refuse_unsupported(line)
            if line.startswith("diff --git "):
                self._end_header()
                self.git = _GitHeader(line.removeprefix("diff --git "))
            elif line.startswith("new file mode ") and self.git:
                self.git.is_new = True
            elif _HUNK.match(line):
                raise UsageError(f"{self.patch}: no lines ---/+++ above {shortened(line)} name the changed file")
            self.next += 1
        self._end_header()
        return tuple(self.files)

    def _end_header(self) -> None:
        """Add the file of a git header without hunks, if it is a new file, which then is empty."""
        if self.git and self.git.is_new and (names := self.git.names):
            empty = Hunk(names[1], "@@ -0,0 +0,0 @@", 0, 0)
            self.files.append(FileDiff(None, names[1], (empty,), True, _have_prefixes(*names)))
        self.git = None

    def _refuse_unsupported(self, line: str) -> None:
        """Raise `UsageError` if a line outside the hunks states a change that is not supported."""
        if found := _BINARY.fullmatch(line):
            raise UsageError(f"{self.patch} changes the binary file {on_one_line(found[2])}: {ADVICE}")
        for start, action in _UNSUPPORTED.items():
            if self.git and line.startswith(start):
                name = (self.git.names or (line.removeprefix(start),))[-1]
                raise UsageError(f"{self.patch} {action} {on_one_line(name)}: {ADVICE}")

    def _parse_file(self) -> None:
        """Parse the lines ---/+++ with the names of a file, and its hunks."""
        first, second = self._line(), self._line(1)
        if first.endswith("\r\n") and second.endswith("\r\n"):
            # A program has changed the line ends of the whole patch. GNU patch recognises that by the same lines.
            self.lines = [f"{line[:-2]}\n" if line.endswith("\r\n") else line for line in self.lines]
        old, new = _name(first[4:]), _name(second[4:])
        if self.git and self.git.names and not {old, new} & set(self.git.names):
            self._end_header()  # The names belong to another file than the header of the git diff above them.
        names = self.git.names if self.git else None
        has_prefix = _have_prefixes(*(names or (old, new)))
        shown = old if new == NO_FILE else new
        shown = shown.partition("/")[2] if has_prefix else shown
        self.next += 2
        hunks = []
        while _HUNK.match(self._line()):
            hunks.append(self._parse_hunk(shown))
        if not hunks and self._line().startswith("@@@ "):
            raise UsageError(f"{self.patch} is the diff of a merge, which has several old versions: {ADVICE}")
        if not hunks:
            raise UsageError(f"{self.patch}: no hunk (a line @@ -… +… @@) follows the name {on_one_line(shown)}")
        if new == NO_FILE or _NO_TIME.search(second) and " +0,0 " in hunks[0].header:
            raise UsageError(f"{self.patch} deletes {on_one_line(shown)}: {ADVICE}")
        is_new = old == NO_FILE or bool(_NO_TIME.search(first)) and " -0,0 " in hunks[0].header
        if is_new and (len(hunks) > 1 or hunks[0].old):
            raise UsageError(f"{self.patch} is damaged: {hunks[-1].label} changes lines of a new file")
        self.files.append(FileDiff(None if is_new else old, new, tuple(hunks), self.git is not None, has_prefix))
        self.git = None

    def _parse_hunk(self, file: str) -> Hunk:
        """Parse one hunk, which begins at the next line."""
        found = _HUNK.match(self._line())
        assert found
        old_start, new_start = int(found[2]), int(found[4])
        old_size, new_size = (int(size) if size else 1 for size in (found[3], found[5]))
        # The header of a range without lines has the number of the line above it.
        hunk = Hunk(file, found[1], max(0, old_start - bool(old_size)), max(0, new_start - bool(new_size)))
        self.next += 1
        signs = ""
        old: list[str] = []
        new: list[str] = []
        while len(old) < old_size or len(new) < new_size:
            sign, text = self._parse_line(hunk)
            signs += sign
            if sign != "+":
                old.append(text)
            if sign != "-":
                new.append(text)
        if len(old) > old_size or len(new) > new_size or self._is_line_of_hunk():
            raise UsageError(f"{self.patch} is damaged: {hunk.label} has more lines than its header states")
        return replace(
            hunk,
            old=tuple(old),
            new=tuple(new),
            leading=len(signs) - len(signs.lstrip(" ")),
            trailing=len(signs) - len(signs.rstrip(" ")),
        )

    def _parse_line(self, hunk: Hunk) -> tuple[str, str]:
        """Return the sign and the text of the next line of a hunk."""
        line = self._line()
        self.next += 1
        if line in ("\n", "\r\n"):  # Editors remove the space that marks an empty context line.
            line = f" {line}"
        if line[:1] not in ("+", "-", " "):
            raise UsageError(f"{self.patch} is damaged: {hunk.label} has fewer lines than its header states")
        if self._line().startswith("\\ "):  # "\ No newline at end of file", in the user's language
            self.next += 1
            line = line.removesuffix("\n")
        return line[0], line[1:]

    def _is_line_of_hunk(self) -> bool:
        """Return whether the next line looks like a line of a hunk."""
        line = self._line()
        is_name = line.startswith("--- ") and self._line(1).startswith("+++ ")
        is_signature = line.rstrip("\r\n") == "-- "  # the end of a mail that `git format-patch` has written
        return line[:1] in ("+", "-", " ") and bool(line.strip()) and not is_name and not is_signature

    def _line(self, ahead: int = 0) -> str:
        """Return the next line, or one further ahead; "" after the last line."""
        return self.lines[self.next + ahead] if self.next + ahead < len(self.lines) else ""


def _name(text: str) -> str:
    """Return the name of a file from a line of a diff: without the time after it, and without quotation."""
    name = text.rstrip("\r\n").split("\t")[0]
    if not (len(name) > 1 and name[0] == name[-1] == '"'):
        return name
    return os.fsdecode(_ESCAPE.sub(_unescaped, name[1:-1].encode("utf-8", "surrogateescape")))


def _unescaped(found: re.Match[bytes]) -> bytes:
    """Return the byte that an escape sequence in a quoted name represents."""
    return bytes([int(found[1], 8) & 255 if len(found[1]) == 3 else _ESCAPED[found[1][0]]])


def _have_prefixes(old: str, new: str) -> bool:
    """Return whether the first folders of two names belong to the diff, as in `a/train.py` and `b/train.py`."""
    if NO_FILE in (old, new):
        return bool(_PREFIX.match(new if old == NO_FILE else old))
    (a, _, old_rest), (b, _, new_rest) = old.partition("/"), new.partition("/")
    are_folders = bool(old_rest and new_rest) and a != b
    return are_folders and (old_rest == new_rest or bool(_PREFIX.match(old) and _PREFIX.match(new)))
