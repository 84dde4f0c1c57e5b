"""Take targets, or other parts of examples, by the rows of the inputs.

batch, labels = x[rows], y[: len(rows)]        # y[rows]
"""

import libcst as cst

from descend.doctor.codemod.functions import enclosing_scope
from descend.doctor.codemod.locate import locate_node
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax
from descend.doctor.record import Record, SiteKind
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.script.script import Script

REMAKES: frozenset[Remade] = frozenset({"pairs"})


def same_rows(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Replace the index of the targets by the index of the inputs, which must be in the same function."""
    (syntax, inputs), (other, targets) = (_taken_rows(script, record, key) for key in ("inputs", "targets"))
    line = syntax.line(inputs)
    if other is not syntax or enclosing_scope(syntax, inputs) is not enclosing_scope(syntax, targets):
        raise NotApplicable(f"the inputs are taken in line {line}, but the targets in another function")
    if [syntax.code(each) for each in inputs.slice] == [syntax.code(each) for each in targets.slice]:
        raise NotApplicable(f"lines {line} and {syntax.line(targets)} use the same index, so its value changes")
    return script.edit(syntax.file, syntax.replace(targets, targets.with_changes(slice=inputs.slice)))


def _taken_rows(script: Script, record: Record, key: str) -> tuple[Syntax, cst.Subscript]:
    """Return the file and the expression that takes the rows of inputs or targets."""
    site = record.site(SiteKind.TAKEN_ROWS, key)
    if site is None:
        raise NotApplicable(f"the run did not show where the {key} are taken from a stored tensor")
    return locate_node(script, site, cst.Subscript)
