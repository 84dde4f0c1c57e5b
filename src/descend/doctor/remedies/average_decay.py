"""Set the decay with which a script averages the parameters of the trained network.

def update(average, model, decay=0.9999):        # decay=0.989
    for mean, new in zip(average.parameters(), model.parameters()):
        mean.mul_(decay).add_(new, alpha=1 - decay)
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.arguments import format_number
from descend.doctor.codemod.locate import locate_node
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.script.script import Script


@dataclass(frozen=True)
class AverageDecayArguments:
    """Arguments of the remedy `average_decay`."""

    decay: float  # weight of the former average in each update, from 0 to 1


def average_decay(script: Script, record: Record, arguments: AverageDecayArguments) -> Script:
    """Change the number in the source that is the decay of the average, or 1 − decay."""
    site, now = record.site(SiteKind.AVERAGE_DECAY, "0"), record.fact(facts.AverageDecay, "0")
    if site is None or now is None:
        raise NotApplicable("the run did not show the decay of the averaged weights as one number of the source")
    syntax, literal = locate_node(script, site, cst.Float)
    value = 1 - arguments.decay if now.is_complement else arguments.decay
    return script.edit(syntax.file, syntax.replace(literal, cst.parse_expression(format_number(value))))
