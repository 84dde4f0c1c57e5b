"""Restart from other initial weights: a line seeds torch before the model is made."""

from dataclasses import dataclass

import libcst as cst
from libcst import matchers as m

from descend.doctor.codemod.bindings import loops_around
from descend.doctor.codemod.imports import import_module
from descend.doctor.codemod.insert import insert_before
from descend.doctor.codemod.locate import Place, locate, locate_site
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.syntax import Syntax
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

SEEDING = m.SimpleStatementLine([m.Expr(m.Call(m.Attribute(attr=m.Name("manual_seed")), [m.Arg(m.Integer())]))])


@dataclass(frozen=True)
class AnotherStartArguments:
    """Arguments of the remedy `another_start`, which sets torch's seed so that the model gets other initial weights."""

    draw: int  # 1 for the smallest seed that the file does not contain, 2 for the next one, and so on
    optimizer: str = "0"  # index of the optimizer in the script, as a string: "0" for the first


def another_start(script: Script, record: Record, arguments: AnotherStartArguments) -> Script:
    """Insert `torch.manual_seed(2)` above the statement that makes the model, or change the seed if that line exists.

    The new seed is a number that the file contains nowhere, so that the model and the data do not share a seed.
    """
    site = next(iter(record.every_site(SiteKind.MODEL)), None)
    if site is None:
        raise NotApplicable("the run did not show where the script creates the model")
    made = locate_site(script, site)
    syntax, seed = made.syntax, _unused_seed(made.syntax, arguments.draw)
    at = _code_to_seed_above(made, if_applicable(locate, script, record, SiteKind.STEP, arguments.optimizer))
    above = _statement_above(syntax, at)
    if above is not None and m.matches(above, SEEDING):
        number = m.findall(above, m.Integer())[0]
        return script.edit(syntax.file, syntax.replace(number, cst.Integer(str(seed))))
    text = insert_before(syntax, at, f"torch.manual_seed({seed})")
    return script.edit(syntax.file, import_module(syntax.file, text, "torch"))


def _unused_seed(syntax: Syntax, draw: int) -> int:
    """Return the `draw`-th smallest of the positive integers that the file does not contain."""
    there = {number.evaluated_value for number in syntax.every(cst.Integer)}
    free = [number for number in range(1, draw + len(there) + 1) if number not in there]
    return free[draw - 1]


def _code_to_seed_above(made: Place, step: Place | None) -> cst.CSTNode:
    """Return the code above which the seed is set: the model's construction, or a loop around it that does not train.

    Seeding inside such a loop would give several models the same weights.
    """
    for loop in loops_around(made.syntax, made.call):
        trains = step is not None and step.syntax is made.syntax and loop in step.syntax.ancestors(step.call)
        if not trains:
            return loop
    return made.call


def _statement_above(syntax: Syntax, node: cst.CSTNode) -> cst.CSTNode | None:
    """Return the statement directly above the one that contains the node, in the same block, or None."""
    inner = node
    for block in syntax.ancestors(node):
        if isinstance(block, cst.Module | cst.IndentedBlock):
            statements: list[cst.CSTNode] = list(block.body)
            at = statements.index(inner)
            return statements[at - 1] if at else None
        inner = block
    return None
