"""Clip the gradients before the optimizer step that uses them.

loss.backward()
optimizer.step()
clip_grad_norm_(model.parameters(), 1.0)      # moved above the step
"""

from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.move_statement import find_step_statement, line_around, move_before
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import OptimizerArguments
from descend.doctor.script.script import Script


def clip_before_step(script: Script, record: Record, arguments: OptimizerArguments) -> Script:
    """Move the statement that clips the gradients from below the optimizer's step to above it."""
    step, clip = find_step_statement(script, record, arguments.optimizer), locate(script, record, SiteKind.CLIP, "0")
    line = line_around(clip.syntax, clip.call) if clip.syntax is step.syntax else None
    if line is None or line not in step.block.body[step.index :]:
        raise NotApplicable(f"the clipping is not in the block of the step in line {step.syntax.line(step.line)}")
    return script.edit(step.syntax.file, move_before(step.syntax, step.block, line, step.line))
