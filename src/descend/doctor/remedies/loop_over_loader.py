"""Loop over a data loader instead of an iterator that the first loop exhausts.

batches = iter(loader)
for x, y in batches:        # for x, y in loader:
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.locate import locate_loop
from descend.doctor.codemod.names import assigned_value, names_read
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import parenthesize
from descend.doctor.codemod.syntax import last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script


@dataclass(frozen=True)
class LoopOverLoaderArguments:
    """Arguments of the remedy `loop_over_loader`."""

    loader: str  # index of the data loader in the script, as a string: "0" for the first


def loop_over_loader(script: Script, record: Record, arguments: LoopOverLoaderArguments) -> Script:
    """Replace the iterator in the header of a loop by the loader from which `iter` made it."""
    site = record.site(SiteKind.EXHAUSTED, arguments.loader)
    if site is None:
        raise NotApplicable("the run did not show which loop uses the exhausted iterator")
    syntax, loop = locate_loop(script, site)
    for name in names_read(loop.iter):
        made = assigned_value(syntax, name)
        if isinstance(made, cst.Call) and last_name(made.func) == "iter" and len(made.args) == 1:
            return script.edit(syntax.file, syntax.replace(name, parenthesize(made.args[0].value)))
    raise NotApplicable(f"line {site.line} does not name an iterator that the script makes with iter()")
