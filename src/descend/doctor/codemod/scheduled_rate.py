"""Set the learning rate of a scheduler, such as OneCycleLR, that overrides the optimizer's own learning rate."""

from dataclasses import replace

from descend.doctor.codemod.argument_edits import Setting, apply_edits, set_argument
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import if_applicable
from descend.doctor.record import Record, Site, SiteKind
from descend.doctor.script.script import Script

MAX_LR_POSITION = {"OneCycleLR": 1, "CyclicLR": 2}  # class of the scheduler -> position of its argument `max_lr`


def find_scheduler_call(script: Script, record: Record, site: Site | None) -> Place | None:
    """Return the recorded call that creates a scheduler; None if there was none, or an edit has removed it."""
    if site is None:
        return None
    made = locate(replace(script, edits=script.examined), record, SiteKind.SCHEDULER, site.key)
    place = if_applicable(locate, script, record, SiteKind.SCHEDULER, site.key)
    is_same = place is not None and place.syntax.code(place.call.func) == made.syntax.code(made.call.func)
    return place if is_same else None


def set_scheduled_rate(script: Script, record: Record, place: Place, rate: float) -> Script:
    """Return the script with a new largest learning rate `max_lr` of a scheduler."""
    kind = place.site.detail
    setting = Setting("max_lr", MAX_LR_POSITION[kind], "learning rate", is_call_of(place.syntax, place.call, kind))
    edit = set_argument(place, setting, rate, script, record)
    return apply_edits(script, place.syntax, [edit], setting.words)
