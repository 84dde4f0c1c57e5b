"""The `detach()` taken away that cuts parameters off from the loss."""

from typing import Any

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
    return give_way(place.syntax, place.call, value)
