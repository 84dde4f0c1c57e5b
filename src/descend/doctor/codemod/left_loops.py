"""Find a training loop that `break` always ends in its first iteration."""

import libcst as cst

from descend.doctor.codemod.bindings import loops_around
from descend.doctor.codemod.locate import site_of_node, statement_around
from descend.doctor.codemod.not_applicable import if_applicable
from descend.doctor.codemod.syntax import Syntax
from descend.doctor.record import Fact, Message, Record, SiteKind, facts
from descend.doctor.script.script import Script


def left_loops(script: Script, record: Record) -> list[Message]:
    """Return the place of a `break` without a condition in the innermost loop around the backward pass, or []."""
    backward = record.site(SiteKind.BACKWARD)
    found = None if backward is None else if_applicable(statement_around, script, backward)
    if backward is None or found is None:
        return []
    syntax, statement = found
    for loop in loops_around(syntax, statement)[-1:]:
        if (left := _unconditional_break(syntax, loop)) is not None:
            site = site_of_node(syntax, left, SiteKind.LEFT_LOOP, "0", backward.file)
            edit = facts.LeftLoop(line=site.line, edit="leave", loop=syntax.line(loop))
            return [site, Fact.of(edit, 0, "0")]
    return []


def _unconditional_break(syntax: Syntax, loop: cst.For | cst.While) -> cst.Break | None:
    """Return the `break` that each iteration of a loop reaches; None without one."""
    if any(loops_around(syntax, node)[-1] is loop for node in syntax.every(cst.Continue, loop)):
        return None
    for line in loop.body.body:
        for part in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(part, cst.Break):
                return part
    return None
