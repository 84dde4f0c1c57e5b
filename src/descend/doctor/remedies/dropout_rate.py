"""Another share of units left out at random (Srivastava et al. 2014), the same in every dropout layer."""

from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument
from descend.doctor.source.locate import Place
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.overwritten import overwrite, overwriting
from descend.doctor.source.setting import Setting
from descend.doctor.source.together import set_at_once

WORDS = "dropout rate"


def dropout_rate(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give every dropout layer the rate `dose["p"]`, also the ones of a layer that has a `dropout` of its own."""
    if (found := overwriting(script, record, "dropout", "p")) is not None:
        return overwrite(script, record, found, ("p", WORDS), float(dose["p"]))
    return set_at_once(script, record, "dropout", "dropout layers are made", _setting, float(dose["p"]))


def _setting(place: Place) -> Setting:
    is_own = is_call_of(place.syntax, place.call, place.site.detail)
    if not is_own and find_argument(place.call, "dropout", None) is not None:
        return Setting("dropout", None, WORDS, is_own)
    return Setting("p", 0, WORDS, is_own)
