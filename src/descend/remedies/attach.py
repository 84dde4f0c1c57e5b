"""The `detach()` taken away that cuts parameters off from the loss."""

import re
from typing import Any

import libcst as cst

from descend.record import Record
from descend.script import Script
from descend.source.activations import activated
from descend.source.every_site import edit_every_site
from descend.source.give_way import give_way
from descend.source.locate import Place
from descend.source.names import is_call_of
from descend.source.not_applicable import NotApplicable


def attach(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Let every `x.detach()` that was seen on the way to the loss be `x`. It takes no dose."""
    seen = [site for site in record.sites if site.kind == "detach"]
    if not seen:
        return NotApplicable("the run did not show a detach() between the parameters and the loss")
    return edit_every_site(script, seen, _attached)


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
