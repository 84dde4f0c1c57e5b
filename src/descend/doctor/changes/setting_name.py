"""The name of a setting as the user writes it: ``lr``, ``Config.lr``, ``config.yaml:optimizer.lr``, ``train.py:12:lr``.

A dotted name names the setting and some of the names that lead to it, in their order: a class, a dictionary, a called
function, a variable or keys of a settings file. A file may come first, with a line and a column in it: ``FILE:NAME``,
``FILE:LINE:NAME`` or ``FILE:LINE:COLUMN:NAME``. Upper and lower case, and hyphens and underscores, count as equal.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from descend.core.control_characters import shortened
from descend.core.errors import UsageError
from descend.doctor.changes.found_setting import Definition, split_path

# names that the field uses for the same setting; they count as equal if a script does not have the given name
SYNONYMS = (
    frozenset({"lr", "learning_rate"}),
    frozenset({"batch_size", "bs"}),
    frozenset({"weight_decay", "wd"}),
    frozenset({"epochs", "n_epochs", "num_epochs"}),
)
PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>\d{1,9}))?(?::(?P<column>\d{1,9}))?", re.DOTALL)


@dataclass(frozen=True)
class SettingName:
    """A name of a setting, as the user gave it."""

    parts: tuple[str, ...]  # the dotted name, outermost first
    file: str = ""
    line: int | None = None
    column: int | None = None

    @property
    def spellings(self) -> frozenset[str]:
        """Return all spellings of the last part of the name that may be meant, in normalised form."""
        last = normalise(self.parts[-1])
        return next((group for group in SYNONYMS if last in group), frozenset({last}))

    def may_match(self, path: tuple[str, ...]) -> bool:
        """Return whether the last part of a path is the last part of the name or a synonym."""
        return normalise(split_path(path)[-1]) in self.spellings

    def matches(self, definition: Definition) -> bool:
        """Return whether the name denotes a definition."""
        return self._is_in_file(definition) and _is_subsequence(self.parts, split_path(definition.path))

    def matches_by_synonym(self, definition: Definition) -> bool:
        """Return whether the name denotes a definition if the last part is replaced by a synonym."""
        others = (replace(self, parts=(*self.parts[:-1], last)) for last in self.spellings)
        return any(other.matches(definition) for other in others)

    def is_whole_name_of(self, definition: Definition) -> bool:
        """Return whether the name has exactly the parts of a definition's path, in upper and lower case as well."""
        return self.parts == split_path(definition.path)

    def _is_in_file(self, definition: Definition) -> bool:
        """Return whether a definition is in the file, and begins at the line and column, that the name states."""
        if self.line not in (None, definition.line) or self.column not in (None, definition.column):
            return False
        if not self.file:
            return True
        named = Path(self.file).parts
        return definition.file is not None and definition.file.parts[-len(named) :] == named


def parse_name(text: str) -> SettingName:
    """Return the name that a text states. Raises `UsageError` if it is not the name of a setting."""
    before, colon, dotted = text.strip().rpartition(":")
    place, parts = PLACE.fullmatch(before), tuple(dotted.split("."))
    if not all(part.strip() for part in parts) or (colon and (place is None or place["file"].startswith(":"))):
        examples = "lr, Config.lr, config.yaml:optimizer.lr or train.py:12:lr"
        raise UsageError(f"{shortened(text)!r} is not the name of a setting; write {examples}")
    if place is None:
        return SettingName(parts)
    line, column = (int(number) if number else None for number in (place["line"], place["column"]))
    return SettingName(parts, place["file"], line, column)


def normalise(name: str) -> str:
    """Return a name in lower case with underscores instead of hyphens."""
    return name.strip().lower().replace("-", "_")


def is_same_name(one: str, other: str) -> bool:
    """Return whether two names are equal or are synonyms for the same setting."""
    first, second = normalise(one), normalise(other)
    return first == second or any({first, second} <= group for group in SYNONYMS)


def _is_subsequence(parts: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Return whether a path ends with the last part and contains the other parts before it, in their order."""
    names, given = [normalise(name) for name in path], [normalise(part) for part in parts]
    if names[-1] != given[-1]:
        return False
    rest = iter(names[:-1])
    return all(any(part == name for name in rest) for part in given[:-1])
