"""Step the optimizer in the loop over the batches, after each backward pass, and not after the loop.

for batch in loader:
    optimizer.zero_grad()
    loss_of(batch).backward()
optimizer.step()        # moved into the loop
"""

import libcst as cst

from descend.doctor.codemod.backward_pass import GRADIENT_PREPARATION
from descend.doctor.codemod.bindings import loops_around
from descend.doctor.codemod.block_statements import statements_after
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.move_statement import Block, find_step_statement, line_around, move_from_elsewhere
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import OptimizerArguments
from descend.doctor.script.script import Script


def step_in_loop(script: Script, record: Record, arguments: OptimizerArguments) -> Script:
    """Move the optimizer's step from below the loop that contains the backward pass to the end of the pass."""
    step, place = find_step_statement(script, record, arguments.optimizer), locate(script, record, SiteKind.BACKWARD)
    syntax, line = place.syntax, line_around(place.syntax, place.call)
    loops = loops_around(syntax, place.call)[-1:]
    if step.syntax is not syntax or not loops or loops_around(syntax, step.line)[-1:] == loops or line is None:
        raise NotApplicable("the step is not below the loop with the backward pass")
    last = line
    for statement in statements_after(syntax, place.call):
        if any(last_name(call.func) in GRADIENT_PREPARATION for call in syntax.every(cst.Call, statement)):
            last = line_around(syntax, statement) or last
    block = syntax.parents[line]
    assert isinstance(block, Block)
    return script.edit(syntax.file, move_from_elsewhere(syntax, block, step.line, last))
