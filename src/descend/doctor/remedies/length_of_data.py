"""Return the number of stored examples as the length of a data set.

def __len__(self):
    return len(self.images) // 32        # len(self.images)
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.locate import locate_node
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKind
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script

REMAKES: frozenset[Remade] = frozenset({"inputs", "pairs"})  # Other examples are drawn.


@dataclass(frozen=True)
class LengthArguments:
    """Arguments of the remedy `length_of_data`."""

    name: str  # attribute of the data set whose entries it returns
    loader: str = "0"  # index of the data loader in the script, as a string: "0" for the first


def length_of_data(script: Script, record: Record, arguments: LengthArguments) -> Script:
    """Replace the value that `__len__` returns by the length of the array whose entries the data set returns."""
    site = record.site(SiteKind.LENGTH, arguments.loader)
    if site is None:
        raise NotApplicable("the run did not show where the data set returns its length")
    syntax, value = locate_node(script, site, cst.BaseExpression)  # type: ignore[type-abstract]
    return script.edit(syntax.file, syntax.replace(value, cst.parse_expression(f"len(self.{arguments.name})")))
