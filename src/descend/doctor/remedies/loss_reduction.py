"""Set the reduction of the loss to that of its other term, so that both are over the whole batch."""

from dataclasses import dataclass

from descend.doctor.codemod.argument_edits import Setting, apply_edits, set_argument
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable, if_applicable
from descend.doctor.codemod.reported_loss import keep_reported_loss
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

REDUCTION = Setting("reduction", None, "reduction")


@dataclass(frozen=True)
class LossReductionArguments:
    """Arguments of the remedy `loss_reduction`, which sets the argument `reduction` of the loss."""

    reduction: str  # "mean" or "sum"


def loss_reduction(script: Script, record: Record, arguments: LossReductionArguments) -> Script:
    """Set the argument `reduction` of the loss, where its module is constructed or in the call of the loss function."""
    place = if_applicable(locate, script, record, SiteKind.LOSS_MODULE) or locate(script, record, SiteKind.LOSS)
    if not is_call_of(place.syntax, place.call, place.site.detail):
        raise NotApplicable(place.indirect_call_message)
    edit = set_argument(place, REDUCTION, arguments.reduction, script, record)
    edited = apply_edits(script, place.syntax, [edit], REDUCTION.words)
    return keep_reported_loss(edited, record, is_mean=arguments.reduction == "mean")
