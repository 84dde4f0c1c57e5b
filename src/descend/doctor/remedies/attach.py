"""What cuts parameters off from the loss taken away: `detach()`, and whatever else leaves the graph on the way."""

import re
from collections.abc import Sequence
from typing import Any

import libcst as cst

from descend.doctor.record import Record, Site
from descend.doctor.script.script import Script
from descend.doctor.source.activations import activated
from descend.doctor.source.backward_pass import loss_of
from descend.doctor.source.cuts import cuts, is_joined, joined
from descend.doctor.source.every_site import edit_every_site
from descend.doctor.source.give_way import give_way
from descend.doctor.source.locate import Place, locate, locate_site
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable

MOST = 12  # places that leave the graph


def attach(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Let every `x.detach()` that was seen on the way to the loss be `x`, or where none was what else leaves the graph.

    It takes no dose.
    """
    seen = [site for site in record.sites if site.kind == "detach"]
    return edit_every_site(_attached_within(script, seen), seen, _attached) if seen else _joined(script, record)


def _attached_within(script: Script, seen: Sequence[Site]) -> Script:
    """Return the script in which what those sites detach is on the graph before: `x.data.detach()` gives `x`."""
    for site in seen:
        for _ in range(MOST):
            place = locate_site(script, site)
            value = None if isinstance(place, NotApplicable) else activated(place.syntax, place.call)
            if isinstance(place, NotApplicable) or value is None or is_joined(place.syntax, value):
                break
            places = [locate_site(script, each) for each in seen]
            own = [each.call for each in places if not isinstance(each, NotApplicable)]
            found = [cut for cut in cuts(place.syntax, value) if cut not in own]
            if not found:
                break
            script = script.edit(place.syntax.file, joined(place.syntax, found[0]))
    return script


def _joined(script: Script, record: Record) -> Script | NotApplicable:
    edited, was_joined = script, False
    for number in range(MOST):
        place = locate(edited, record, "backward")
        if isinstance(place, NotApplicable):
            return place
        loss = loss_of(place.syntax, place.call)
        found = cuts(place.syntax, loss) if loss is not None else []
        now = loss is not None and is_joined(place.syntax, loss)
        was_joined = now if number == 0 else was_joined
        if now and not was_joined:  # the nearest cuts alone had kept everything off
            found = [cut for cut in found if isinstance(cut, cst.Assign | cst.Expr)]
        if not found:
            break
        edited = edited.edit(place.syntax.file, joined(place.syntax, found[0]))
    if edited is script:
        return NotApplicable("nothing that the loss is made of is seen to leave the graph")
    return edited


def _attached(place: Place) -> str | NotApplicable:
    if not is_call_of(place.syntax, place.call, "detach"):
        return NotApplicable(place.inside)
    value = activated(place.syntax, place.call)
    if value is None:
        return NotApplicable(f"line {place.syntax.line(place.call)} does not show what is detached")
    text = give_way(place.syntax, place.call, value)
    return _arrays_detached(place, text) if isinstance(text, str) else text


def _arrays_detached(place: Place, text: str) -> str:
    """Return the text with arrays still made of what the function returned detached: a graph has no `numpy()`."""
    functions = [outer for outer in place.syntax.ancestors(place.call) if isinstance(outer, cst.FunctionDef)]
    if not functions:
        return text
    called = rf"(\b{re.escape(functions[0].name.value)}\([^()]*\))\.(numpy|tolist)\("
    return re.sub(called, r"\1.detach().\2(", text)
