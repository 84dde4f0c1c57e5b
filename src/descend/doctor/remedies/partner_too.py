"""Apply a statement that reorders one variable also to the variable that is paired with it.

x, y = x[order], y[order]                # weights = weights[order]
image = torch.flip(image, dims=[-1])     # mask = torch.flip(mask, dims=[-1])
"""

from dataclasses import dataclass

from descend.doctor.codemod.insert import insert_after
from descend.doctor.codemod.locate import statement_around
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parallel_arrays import same_statement_for
from descend.doctor.codemod.suspected_site import SiteArguments, suspected_site
from descend.doctor.record import Record
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script

# The remedy reorders values, so it may change the inputs and their pairing with the targets.
REMAKES: frozenset[Remade] = frozenset({"inputs", "pairs"})


@dataclass(frozen=True, kw_only=True)
class ReorderTogetherArguments(SiteArguments):
    """Arguments of the remedy `partner_too`, which applies the reordering of one variable to its paired variable."""

    moved: str  # variable whose rows the recorded statement reorders
    partner: str  # variable that is paired with `moved` and has to get the same order


def partner_too(script: Script, record: Record, arguments: ReorderTogetherArguments) -> Script:
    """Insert a copy of the statement that reorders one variable, such as the inputs, for the one paired with it."""
    site = suspected_site(script, record, arguments)
    syntax, statement = statement_around(script, site)
    alike = same_statement_for(syntax, statement, arguments.moved, arguments.partner)
    if not alike:
        raise NotApplicable(f"line {site.line} does not reorder {arguments.moved} in a way that can be copied")
    edited = insert_after(syntax, statement, alike)
    return script.edit(syntax.file, edited)
