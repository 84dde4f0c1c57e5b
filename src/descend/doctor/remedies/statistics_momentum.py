"""Change the share of a new batch in the running statistics of all normalisation layers.

torch.nn.BatchNorm2d(64, momentum=0.1): Keras and the papers write the same as momentum 0.9.
"""

from dataclasses import dataclass

from descend.doctor.codemod.all_sites import set_argument_everywhere
from descend.doctor.codemod.argument_edits import Setting
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.names import is_call_of
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

WORDS = "momentum of the running statistics"


@dataclass(frozen=True)
class StatisticsMomentumArguments:
    """Arguments of the remedy `statistics_momentum`, which sets the momentum of running means and variances."""

    momentum: float  # weight of a new batch's statistics in the running statistics, from 0 to 1


def statistics_momentum(script: Script, record: Record, arguments: StatisticsMomentumArguments) -> Script:
    """Set the momentum of every normalisation layer with running statistics, such as BatchNorm."""
    return set_argument_everywhere(
        script,
        record,
        SiteKind.RUNNING_STATISTICS,
        "the normalisation is made",
        _momentum_argument,
        float(arguments.momentum),
    )


def _momentum_argument(place: Place) -> Setting:
    """Return the name and position of the argument `momentum` in the constructor of a normalisation layer."""
    return Setting("momentum", 2, WORDS, is_call_of(place.syntax, place.call, place.site.detail))
