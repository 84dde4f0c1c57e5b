"""A softmax, or its logarithm, along another dimension: other entries then compete with each other."""

from functools import partial
from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.activations import activated, is_constructor
from descend.doctor.source.arguments import keyword, with_arguments, written
from descend.doctor.source.every_site import edit_every_site
from descend.doctor.source.locate import Place
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable


def softmax_dimension(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Take the softmax at the sites `dose["site"]` (kind and key) along `dose["dim"]`."""
    seen = record.every_site(*dose["site"])
    if not seen:
        return NotApplicable("the run did not show where the softmax is in the source")
    return edit_every_site(script, seen, partial(_along, dim=dose["dim"]))


def _along(place: Place, dim: int) -> str | NotApplicable:
    syntax, call, name = place.syntax, place.call, place.site.detail
    if not is_call_of(syntax, call, name):
        return NotApplicable(place.inside)
    inputs = None if is_constructor(name) else activated(syntax, call)
    given = [a for a in call.args if a.value is not inputs and (a.keyword is None or a.keyword.value == "dim")]
    if not given:
        return syntax.replace(call, with_arguments(call, [*call.args, keyword("dim", written(dim))]))
    if syntax.code(given[0].value) == str(dim):
        return NotApplicable(f"the {name} in line {syntax.line(call)} is along dim={dim} already")
    return syntax.replace(given[0].value, written(dim))
