"""Turn a patch, a file in the format of unified diffs, into edits of a script.

A hunk that does not match is refused; the command `patch` would drop context lines until it matches somewhere. Every
hunk can be applied alone, to find out which parts of a patch are needed.
"""

from dataclasses import dataclass
from pathlib import Path

from descend.core.control_characters import on_one_line
from descend.core.errors import UsageError
from descend.core.regular_files import LARGEST
from descend.doctor.changes.diff_parsing import FileDiff, parse_diff
from descend.doctor.changes.hunks import Hunk, HunkMismatch, replace_lines
from descend.doctor.changes.user_files import edit_source, find_file, read_text, shown_path
from descend.doctor.script import notebook
from descend.doctor.script.script import Script, read_input, source_encoding


@dataclass(frozen=True)
class Patch:
    """A parsed patch. `name` is what messages call it, usually the path of its file."""

    name: str
    files: tuple[FileDiff, ...]

    def apply(self, script: Script) -> Script:
        """Return the script with the patch as edits.

        Raises `UsageError` if a hunk does not match, if the patch is already applied, or if it names a file that is
        missing or not below the user's folders.
        """
        edited = script
        try:
            for diff in self.files:
                edited = self._apply_to_file(edited, diff)
        except HunkMismatch as error:
            if self._is_applied(script):
                raise UsageError(f"{self.name} is already applied") from None
            raise UsageError(f"{self.name}: {error.hunk.label} does not match: {error.reason}") from None
        return edited

    def _apply_to_file(self, script: Script, diff: FileDiff) -> Script:
        """Return the script with the hunks of one file as an edit."""
        file = find_file(script, diff, self.name)
        if diff.old is None and script.has_file(file):
            raise HunkMismatch(diff.hunks[0], f"it creates {shown_path(script, file)}, which already exists")
        text = "" if diff.old is None else read_text(script, file)
        new = replace_lines(self._decode_hunks(script, diff, file), text)
        if len(new) > LARGEST:
            raise UsageError(f"{self.name} makes {shown_path(script, file)} larger than {LARGEST >> 20} MB")
        if notebook.is_notebook(file) and diff.old is not None:
            new = notebook.to_source(new, file.name)
        return edit_source(script, file, new, self.name)

    def _decode_hunks(self, script: Script, diff: FileDiff, file: Path) -> list[Hunk]:
        """Return the hunks of a file, with lines that are not UTF-8 decoded in the encoding that the file declares."""
        added = "".join(diff.hunks[0].new).encode("utf-8", "surrogateescape")
        try:
            encoding = source_encoding(added if diff.old is None else script.encode(file, script.read(file)))
            return [hunk.decode(encoding) for hunk in diff.hunks]
        except (SyntaxError, UnicodeError) as error:
            reason = f"its lines are not in the encoding of {shown_path(script, file)}: {error}"
            raise UsageError(f"{self.name}: {reason}") from None

    def _is_applied(self, script: Script) -> bool:
        """Return whether all files already have the text that the patch makes."""
        try:
            for diff in reversed(self.files):
                file = find_file(script, diff, self.name)
                hunks = [hunk.reverse() for hunk in self._decode_hunks(script, diff, file)]
                if not all(hunk.old or diff.old is None for hunk in hunks):
                    return False  # Without lines that the patch keeps or adds, nothing shows that it is applied.
                text = replace_lines(hunks, read_text(script, file))
                if diff.old is None and text:
                    return False
                script = script if notebook.is_notebook(file) else script.edit(file, text)
        except (UsageError, HunkMismatch):
            return False
        return True


def read_patch(text: str, name: str) -> Patch:
    """Parse a patch. name: what messages call it. Raises `UsageError` if it is not a unified diff.

    Bytes that are not UTF-8 are expected as surrogate escapes; they get the encoding of the file that they change.
    """
    name = on_one_line(name)
    return Patch(name, parse_diff(text, name))


def read_patch_file(path: str) -> Patch:
    """Read and parse a patch from a file, a pipe or, for `-`, standard input. Raises `UsageError`."""
    name = "standard input" if path == "-" else path
    return read_patch(read_input(path, "patch").decode("utf-8-sig", "surrogateescape"), name)


def apply_patch_text(script: Script, text: str, name: str) -> Script:
    """Return the script with a patch as edits. name: what messages call the patch. Raises `UsageError`."""
    return read_patch(text, name).apply(script)


def apply_patch_file(script: Script, path: str) -> Script:
    """Return the script with a patch from a file, a pipe or standard input (`-`) as edits. Raises `UsageError`."""
    return read_patch_file(path).apply(script)
