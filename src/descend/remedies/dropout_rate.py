"""Another share of units left out at random (Srivastava et al. 2014), the same in every dropout layer."""

from typing import Any

from descend.record import Record
from descend.script import Script
from descend.source.arguments import find_argument
from descend.source.locate import Place
from descend.source.names import is_call_of
from descend.source.not_applicable import NotApplicable
from descend.source.setting import Edit, Reset, Setting, apply, set_argument
from descend.source.together import places_seen

WORDS = "dropout rate"


def dropout_rate(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give every dropout layer the rate `dose["p"]`, also the ones of a layer that has a `dropout` of its own."""
    files = places_seen(script, record, "dropout", "dropout layers are made")
    if isinstance(files, NotApplicable):
        return files
    edited = script
    for places in files:
        edits = [_edit(place, places, float(dose["p"]), script, record) for place in places]
        refused = [edit for edit in edits if isinstance(edit, NotApplicable)]
        if refused:
            return refused[0]
        changed = apply(
            edited, places[0].syntax, [edit for edit in edits if not isinstance(edit, NotApplicable)], WORDS
        )
        if isinstance(changed, NotApplicable) and len(files) == 1:
            return changed
        edited = changed if isinstance(changed, Script) else edited
    return edited


def _edit(
    place: Place, places: list[Place], rate: float, script: Script, record: Record
) -> Edit | Reset | NotApplicable:
    is_own = is_call_of(place.syntax, place.call, place.site.detail)
    setting = Setting("p", 0, WORDS, is_own)
    if not is_own and find_argument(place.call, "dropout", None) is not None:
        setting = Setting("dropout", None, WORDS, is_own)
    return set_argument(place, setting, rate, script, record, [other.call for other in places])
