"""Use one learning rate for all parameter groups.

optimizer = SGD([{"params": body, "lr": 1e-6}, {"params": head, "lr": 0.05}])   # "lr": 0.05 in both
"""

from descend.doctor.codemod.argument_edits import NodeEdit, apply_edits
from descend.doctor.codemod.arguments import group_arguments, literal_expression
from descend.doctor.codemod.literals import find_literal
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import LearningRateArguments
from descend.doctor.script.script import Script


def one_rate(script: Script, record: Record, arguments: LearningRateArguments) -> Script:
    """Give all parameter groups that set their own learning rate the same learning rate."""
    place = locate(script, record, SiteKind.OPTIMIZER, arguments.optimizer)
    syntax = place.syntax
    rates = group_arguments(syntax, place.call, "lr")
    if not rates:
        raise NotApplicable(
            f"line {syntax.line(place.call)} does not contain the learning rates of the parameter groups"
        )
    new = literal_expression(float(arguments.lr))
    edits = [NodeEdit(find_literal(syntax, rate, script.arguments) or rate, new) for rate in rates]
    return apply_edits(script, syntax, edits, "learning rate")
