"""A setting of a script: its names, the place that defines it, and its present value."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import libcst as cst

from descend.doctor.codemod.file_scalars import Scalar
from descend.doctor.codemod.syntax import Syntax
from descend.doctor.script.notebook import cell_position, is_notebook
from descend.doctor.script.script import Script

Value = int | float | bool | str | None


class SettingKind(StrEnum):
    """The kind of code that defines a setting. The values are phrases for messages."""

    ARGUMENT = "argument of the script"
    OPTION = "default of a command-line option"
    FIELD = "field of a class"
    KEY = "key of a dictionary"
    FILE = "settings file"
    CONSTANT = "constant"
    VARIABLE = "variable of a function"
    CALL = "argument of a call"
    ITEM = "key of a dictionary in a list"
    PARAMETER = "default of a parameter"


RANKS = {  # The setting with the smallest rank is chosen, because it is the most explicit one.
    SettingKind.ARGUMENT: 1,
    SettingKind.OPTION: 2,
    SettingKind.FIELD: 3,
    SettingKind.KEY: 3,
    SettingKind.FILE: 3,
    SettingKind.CONSTANT: 4,
    SettingKind.VARIABLE: 5,
    SettingKind.CALL: 6,
    SettingKind.ITEM: 6,
    SettingKind.PARAMETER: 6,
}
NAMED_RANK = 4  # Up to this rank, a script gives its settings a name on purpose; the rest are names of code details.


@dataclass(frozen=True)
class FoundSetting:
    """A setting, where it is defined, and its present value."""

    name: str  # the whole name, such as "Config.lr" or "optimizer.SGD.lr"
    kind: SettingKind
    text: str  # the present value as it is written
    file: Path | None = None  # None for an argument that was passed to the script
    line: int | None = None  # counted from 1; for a notebook, in the source that joins the cells
    column: int | None = None  # counted from 1, in characters

    def place(self, script: Script) -> str:
        """Return where the setting is defined, in words: ``train.py:12``."""
        if self.file is None or self.line is None:
            return "the script's arguments"
        name = relative_name(script, self.file)
        if is_notebook(self.file):
            cell, line = cell_position(script.read(self.file), self.line)
            return f"{name}, cell {cell}, line {line}"
        return f"{name}:{self.line}"


@dataclass(frozen=True, eq=False)
class SourceValue:
    """A value in Python source."""

    syntax: Syntax
    node: cst.BaseExpression  # the expression that an edit replaces
    adds_default: bool = False  # whether the node is a call that adds an option, to which an edit adds a default


@dataclass(frozen=True)
class PassedValue:
    """A value in the command line of the script."""

    index: int  # index of the argument that contains the value
    prefix: str = ""  # the text in front of the value in this argument, such as "--lr="
    # For an argument without a value, such as --amp: what to pass instead for the opposite value; "" to pass nothing.
    opposite: str | None = None


@dataclass(frozen=True, eq=False)
class Definition:
    """A definition of a setting, which an edit can change unless the value is computed."""

    path: tuple[str, ...]  # the names that lead to the setting, outermost first: ("Config", "lr")
    kind: SettingKind
    code: str  # the value as it is written
    file: Path | None = None
    line: int | None = None
    column: int | None = None
    place: SourceValue | Scalar | PassedValue | None = None  # None for a computed value
    value: Value = None
    is_fraction: bool = False  # whether the script declares the value to be a float
    is_direct: bool = True  # whether the definition itself contains the value, instead of the name of another one

    @property
    def setting(self) -> FoundSetting:
        """Return the setting without its place in the syntax tree."""
        return FoundSetting(".".join(self.path), self.kind, self.code, self.file, self.line, self.column)

    def shares_place(self, other: "Definition") -> bool:
        """Return whether an edit of one definition also changes the other."""
        mine, theirs = (d.place.node if isinstance(d.place, SourceValue) else d.place for d in (self, other))
        return mine is theirs


def relative_name(script: Script, file: Path) -> str:
    """Return the path of a file relative to the folder in which the script starts, if the file is in that folder."""
    return file.relative_to(script.root).as_posix() if file.is_relative_to(script.root) else str(file)


def without_repetitions(definitions: Sequence[Definition]) -> list[Definition]:
    """Return the definitions, only the first of those that share their place."""
    kept: list[Definition] = []
    for definition in definitions:
        if definition.place is None or not any(definition.shares_place(other) for other in kept):
            kept.append(definition)
    return kept


def split_path(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the parts of a path; a key such as "optimizer.lr" has two parts."""
    return tuple(part for name in path for part in name.split("."))
