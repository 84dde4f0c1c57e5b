"""Another start: a line that seeds torch before the model is made, so that its weights are drawn otherwise."""

from typing import Any

import libcst as cst
from libcst import matchers as m

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.bindings import loops_around
from descend.doctor.source.imports import import_module
from descend.doctor.source.insert import insert_before
from descend.doctor.source.locate import Place, locate, locate_site
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import Syntax

SEEDING = m.SimpleStatementLine([m.Expr(m.Call(m.Attribute(attr=m.Name("manual_seed")), [m.Arg(m.Integer())]))])


def another_start(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Insert `torch.manual_seed(2)` above the statement that makes the model; change the seed that stands there.

    The number is the one at the place `dose["draw"]`, from 1, of those that the file does not have anywhere: data that
    were drawn from the same seed are no other start.
    """
    site = next(iter(record.every_site("model")), None)
    if site is None:
        return NotApplicable("the run did not show where the model is made")
    made = locate_site(script, site)
    if isinstance(made, NotApplicable):
        return made
    syntax, seed = made.syntax, _unused(made.syntax, dose["draw"])
    at = _outside(made, locate(script, record, "step", dose.get("optimizer", "0")))
    above = _above(syntax, at)
    if above is not None and m.matches(above, SEEDING):
        number = m.findall(above, m.Integer())[0]
        return script.edit(syntax.file, syntax.replace(number, cst.Integer(str(seed))))
    text = insert_before(syntax, at, f"torch.manual_seed({seed})")
    if isinstance(text, str):
        text = import_module(syntax.file, text, "torch")
    return text if isinstance(text, NotApplicable) else script.edit(syntax.file, text)


def _unused(syntax: Syntax, draw: int) -> int:
    there = {number.evaluated_value for number in syntax.every(cst.Integer)}
    free = [number for number in range(1, draw + len(there) + 1) if number not in there]
    return free[draw - 1]


def _outside(made: Place, step: Place | NotApplicable) -> cst.CSTNode:
    """Return where the model is made, or the outermost loop around that which does not train.

    From one seed inside such a loop all of several networks would be the same.
    """
    for loop in loops_around(made.syntax, made.call):
        trains = isinstance(step, Place) and step.syntax is made.syntax and loop in step.syntax.ancestors(step.call)
        if not trains:
            return loop
    return made.call


def _above(syntax: Syntax, node: cst.CSTNode) -> cst.CSTNode | None:
    """Return the statement above the one that holds the node, in its block."""
    inner = node
    for block in syntax.ancestors(node):
        if isinstance(block, cst.Module | cst.IndentedBlock):
            statements: list[cst.CSTNode] = list(block.body)
            at = statements.index(inner)
            return statements[at - 1] if at else None
        inner = block
    return None
