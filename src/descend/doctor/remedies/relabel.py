"""Use another convention for binary labels: 1 for 0 and 0 for 1, or -1 and 1 for 0 and 1.

for first, second, is_same in loader:
    # is_same = 1 - is_same
    loss = criterion(net(first), net(second), is_same)
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.bindings import Binding, nearest_binding
from descend.doctor.codemod.insert import insert_after, insert_before
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKind
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script

REMAKES: frozenset[Remade] = frozenset({"targets"})


@dataclass(frozen=True)
class RelabelArguments:
    """Arguments of the remedy `relabel`, which changes the convention for binary labels."""

    name: str  # variable that holds the labels
    expression: str  # source code for the new value of the variable, such as "1 - is_same"


def relabel(script: Script, record: Record, arguments: RelabelArguments) -> Script:
    """Insert a statement that converts the binary labels, after the training step has assigned their variable."""
    place = locate(script, record, SiteKind.BACKWARD)
    name = arguments.name
    bound = nearest_binding(place.syntax, name, place.call)
    if bound is None:
        raise NotApplicable(f"the training step does not assign {name}")
    statement, first = f"{name} = {arguments.expression}", _first_statement_in_body(bound)
    if first is not None:
        edited = insert_before(place.syntax, first, statement)
    else:
        edited = insert_after(place.syntax, bound.node, statement)
    return script.edit(place.syntax.file, edited)


def _first_statement_in_body(bound: Binding) -> cst.CSTNode | None:
    """Return the first statement of the loop or function whose header binds the variable; None for an assignment."""
    if not isinstance(bound.node, cst.For | cst.FunctionDef):
        return None
    first = bound.node.body.body[0]
    return first.body[0] if isinstance(first, cst.SimpleStatementLine) else first
