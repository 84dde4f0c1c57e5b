"""Change the learning rate: the number in the source, or the argument of the optimizer's call.

If a statement of the loop or a scheduler overwrites the learning rate, the numbers in that statement are scaled.
In a script that updates its parameters by hand, the learning rate is the factor of the gradients: `w -= lr * w.grad`,
`p.data.add_(p.grad, alpha=-lr)`, or `p - lr * g`.
"""

import libcst as cst

from descend.doctor.assess.effective_rate import effective_learning_rate, find_overriding_scheduler
from descend.doctor.assess.stability import learning_rate_of
from descend.doctor.codemod.argument_edits import NodeEdit, apply_edits
from descend.doctor.codemod.arguments import is_valid_learning_rate, literal_expression
from descend.doctor.codemod.literals import find_literal
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.manual_updates import learning_rates
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.overwritten_setting import find_overwriting_statement, rescale_learning_rate
from descend.doctor.codemod.scheduled_rate import find_scheduler_call, set_scheduled_rate
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.remedies.arguments import LearningRateArguments
from descend.doctor.remedies.optimizer_argument import OptimizerArgumentArguments, optimizer_argument
from descend.doctor.script.script import Script


def learning_rate(script: Script, record: Record, arguments: LearningRateArguments) -> Script:
    """Set the optimizer's learning rate. If a scheduler controls it, set the largest learning rate of the schedule."""
    if not is_valid_learning_rate(arguments.lr):
        raise NotApplicable(f"{arguments.lr} is not a valid learning rate")
    optimizer = record.fact(facts.Optimizer, arguments.optimizer)
    if optimizer is not None and optimizer.by_hand:
        return _scale_manual_rates(script, record, arguments, learning_rate_of(optimizer))
    key, rate = arguments.optimizer, float(arguments.lr)
    if (found := find_overwriting_statement(script, record, key, "lr")) is not None:
        return rescale_learning_rate(script, record, found, (effective_learning_rate(record, key), rate), key)
    if (scheduled := find_scheduler_call(script, record, find_overriding_scheduler(record))) is not None:
        return set_scheduled_rate(script, record, scheduled, rate)
    return optimizer_argument(script, record, OptimizerArgumentArguments("lr", rate, optimizer=key))


def _scale_manual_rates(script: Script, record: Record, arguments: LearningRateArguments, old: float) -> Script:
    """Scale the numbers that multiply the gradients, in a script that updates its parameters without an optimizer."""
    place = locate(script, record, SiteKind.BACKWARD)
    syntax = place.syntax
    found = learning_rates(syntax, place.call)
    if not found:
        raise NotApplicable("no statement was found that multiplies a gradient by a number")
    literals = {id(n): n for rate in found if (n := find_literal(syntax, rate, script.arguments, [syntax.module]))}
    numbers = [n for n in literals.values() if isinstance(n, cst.Integer | cst.Float)]
    if not numbers or len(numbers) < len(literals):
        rate = syntax.code(found[0])
        raise NotApplicable(f"`{rate}`, which multiplies the gradients, is not a single number in the source")
    # The number is scaled and not replaced: it may be the learning rate times a constant.
    share = float(arguments.lr) / old
    edits = [NodeEdit(number, literal_expression(share * float(number.evaluated_value))) for number in numbers]
    return apply_edits(script, syntax, edits, "learning rate")
