"""Give faster processes a larger share of each batch, so that no process waits for the slowest one."""

from collections.abc import Sequence
from dataclasses import dataclass

from descend.doctor.codemod.data_parallel import wrap_loader
from descend.doctor.record import Record
from descend.doctor.script.script import Script


@dataclass(frozen=True)
class SpeedSharesArguments:
    """Arguments of the remedy `speed_shares`, which gives faster processes more examples."""

    speeds: Sequence[float]  # speed of each process, divided by that of the slowest process


def speed_shares(script: Script, record: Record, arguments: SpeedSharesArguments) -> Script:
    """Wrap the data loader by a call of `share_by_speed`, so that faster processes get more examples of each batch."""
    return wrap_loader(script, record, "share_by_speed", str(tuple(arguments.speeds)))
