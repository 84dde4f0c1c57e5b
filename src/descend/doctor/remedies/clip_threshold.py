"""Another threshold for the clipping of gradients that the script does."""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.setting import Setting, apply, set_argument
from descend.doctor.source.trainer_arguments import trainer_argument

WORDS = "threshold of the clipping"


def clip_threshold(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Clip at `dose["max_norm"]`: `clip_grad_norm_(parameters, max_norm)`, or the value of `clip_grad_value_`."""
    place = locate(script, record, "clip")
    if isinstance(place, NotApplicable):
        threshold = "max_norm", float(dose["max_norm"])
        return trainer_argument(script, record, dose.get("optimizer", "0"), threshold, place)
    edit = set_argument(place, _setting(place), float(dose["max_norm"]), script, record)
    if isinstance(edit, NotApplicable):
        return edit
    return apply(script, place.syntax, [edit], WORDS)


def _setting(place: Place) -> Setting:
    name = "clip_value" if "value" in place.site.detail else "max_norm"
    is_own = is_call_of(place.syntax, place.call, place.site.detail)
    return Setting(name, 1, WORDS, is_own)
