"""Remove a shift of target tokens that are shifted already.

targets = tokens[:, 1:].roll(-1, 1)        # tokens[:, 1:]
"""

from descend.doctor.record import Record, SiteKind
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.arguments import NoArguments
from descend.doctor.remedies.skip_call import SkipCallArguments, skip_call
from descend.doctor.script.script import Script

REMAKES: frozenset[Remade] = frozenset({"targets"})


def shift_once(script: Script, record: Record, arguments: NoArguments) -> Script:
    """Replace the recorded call of `roll` on the targets by its operand."""
    return skip_call(script, record, SkipCallArguments(kind=SiteKind.TAKEN_ROWS, place="shift"))
