"""Set whether the first dimension of a recurrent or attention layer's input is the batch or time."""

from dataclasses import dataclass

from descend.doctor.codemod.argument_edits import Setting, apply_edits, set_argument
from descend.doctor.codemod.locate import locate
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

BATCH_FIRST = Setting("batch_first", None, "batch_first", True)


@dataclass(frozen=True)
class BatchFirstArguments:
    """Arguments of the remedy `batch_first`, which sets `batch_first` of a recurrent or attention layer."""

    batch_first: bool
    site: str = "mixing"  # kind of the recorded layer


def batch_first(script: Script, record: Record, arguments: BatchFirstArguments) -> Script:
    """Set `batch_first` of the recurrent or attention layer that mixes the examples of a batch by mistake."""
    place = locate(script, record, SiteKind(arguments.site))
    edit = set_argument(place, BATCH_FIRST, arguments.batch_first, script, record)
    return apply_edits(script, place.syntax, [edit], BATCH_FIRST.words)
