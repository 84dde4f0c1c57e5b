"""Copy rows of stored data before the script changes them in place.

image = self.images[index]        # self.images[index].clone()
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.locate import locate_node
from descend.doctor.codemod.names import is_target
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKind
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script

REMAKES: frozenset[Remade] = frozenset({"inputs"})


@dataclass(frozen=True)
class CopyArguments:
    """The method that copies the rows: `clone` for tensors, `copy` for NumPy arrays."""

    method: str


def copy_rows(script: Script, record: Record, arguments: CopyArguments) -> Script:
    """Copy the rows that the script takes of a stored array and then changes."""
    site = record.site(SiteKind.TAKEN_ROWS, "stored")
    if site is None:
        raise NotApplicable("the run did not show where the script takes the rows that it changes")
    syntax, taken = locate_node(script, site, cst.Subscript)
    if is_target(syntax, taken):
        raise NotApplicable(f"line {syntax.line(taken)} assigns the rows, so a copy would not keep them")
    copied = cst.Call(cst.Attribute(taken, cst.Name(arguments.method)))
    return script.edit(syntax.file, syntax.replace(taken, copied))
