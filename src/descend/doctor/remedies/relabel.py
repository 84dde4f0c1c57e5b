"""Labels by the other convention: 1 for what was 0, or -1 and 1 for 0 and 1.

for first, second, is_same in loader:
    # is_same = 1 - is_same
    loss = criterion(net(first), net(second), is_same)
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.record.facts import Remade
from descend.doctor.script.script import Script
from descend.doctor.source.bindings import Binding, nearest_binding
from descend.doctor.source.insert import insert_after, insert_before
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable

REMAKES: frozenset[Remade] = frozenset({"targets"})


def relabel(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give `dose["name"]`, behind where the step binds it, the value of `dose["expression"]`."""
    place = locate(script, record, "backward")
    if isinstance(place, NotApplicable):
        return place
    name = dose["name"]
    bound = nearest_binding(place.syntax, name, place.call)
    if bound is None:
        return NotApplicable(f"the step does not give {name} its value")
    statement, first = f"{name} = {dose['expression']}", _first_inside(bound)
    if first is not None:
        edited = insert_before(place.syntax, first, statement)
    else:
        edited = insert_after(place.syntax, bound.node, statement)
    return edited if isinstance(edited, NotApplicable) else script.edit(place.syntax.file, edited)


def _first_inside(bound: Binding) -> cst.CSTNode | None:
    """Return the first statement of the loop or the function that binds a name by its head; None where none does."""
    if not isinstance(bound.node, cst.For | cst.FunctionDef):
        return None
    first = bound.node.body.body[0]
    return first.body[0] if isinstance(first, cst.SimpleStatementLine) else first
