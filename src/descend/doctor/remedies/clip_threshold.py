"""Change the threshold at which the script clips gradients."""

from descend.doctor.codemod.argument_edits import Setting, apply_edits, set_argument
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.trainer_arguments import set_trainer_argument
from descend.doctor.record import Record, SiteKind
from descend.doctor.remedies.arguments import ClippingArguments
from descend.doctor.script.script import Script

WORDS = "threshold of the clipping"


def clip_threshold(script: Script, record: Record, arguments: ClippingArguments) -> Script:
    """Set the threshold of `clip_grad_norm_`, or the value of `clip_grad_value_`."""
    try:
        place = locate(script, record, SiteKind.CLIP)
    except NotApplicable as refused:
        threshold = "max_norm", float(arguments.max_norm)
        return set_trainer_argument(script, record, arguments.optimizer, threshold, refused)
    edit = set_argument(place, _threshold_argument(place), float(arguments.max_norm), script, record)
    return apply_edits(script, place.syntax, [edit], WORDS)


def _threshold_argument(place: Place) -> Setting:
    """Return the name and position of the argument that holds the clipping threshold: `max_norm` or `clip_value`."""
    name = "clip_value" if "value" in place.site.detail else "max_norm"
    is_own = is_call_of(place.syntax, place.call, place.site.detail)
    return Setting(name, 1, WORDS, is_own)
