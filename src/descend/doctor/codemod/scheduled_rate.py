"""Set the learning rate of a scheduler, such as OneCycleLR, that overrides the optimizer's own learning rate."""

import libcst as cst

from descend.doctor.codemod.argument_edits import Setting, apply_edits, set_argument
from descend.doctor.codemod.locate import Place, locate, syntax_at
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import last_name
from descend.doctor.record import Record, Site, SiteKind
from descend.doctor.script.script import Script

MAX_LR_POSITION = {"OneCycleLR": 1, "CyclicLR": 2}  # class of the scheduler -> position of its argument `max_lr`
WITHOUT_EFFECT = "ConstantLR"  # the scheduler by which another one is replaced if other code reads it


def find_scheduler_call(script: Script, record: Record, site: Site | None) -> Place | None:
    """Return the recorded call that creates a scheduler; None if there was none, or an edit has removed it."""
    if site is None:
        return None
    try:
        place = locate(script, record, SiteKind.SCHEDULER, site.key)
    except NotApplicable:
        if any(last_name(call.func) == site.detail for call in syntax_at(script, site).every(cst.Call)):
            raise
        return None
    return None if last_name(place.call.func) == WITHOUT_EFFECT else place


def set_scheduled_rate(script: Script, record: Record, place: Place, rate: float) -> Script:
    """Return the script with a new largest learning rate `max_lr` of a scheduler."""
    kind = place.site.detail
    setting = Setting("max_lr", MAX_LR_POSITION[kind], "learning rate", is_call_of(place.syntax, place.call, kind))
    edit = set_argument(place, setting, rate, script, record)
    return apply_edits(script, place.syntax, [edit], setting.words)
