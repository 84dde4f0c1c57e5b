"""More hidden units: in the layer that gives them and in the one that takes them.

nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)     # nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1)
width = 2                                       # or here, where all read it
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument, written
from descend.doctor.source.literals import follow
from descend.doctor.source.locate import Place, locate
from descend.doctor.source.names import is_call_of
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.setting import Edit, apply

WORDS = "number of hidden units"


def widen(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Give the layers `dose["narrow"]` of the chain `dose["layers"]` so many units as `dose["units"]`."""
    places: list[Place] = []
    for name in dose["layers"]:
        place = locate(script, record, "linear", name)
        if isinstance(place, NotApplicable):
            return place
        if not is_call_of(place.syntax, place.call, "Linear"):
            return NotApplicable(place.inside)
        places.append(place)
    is_narrow = [name in dose["narrow"] for name in dose["layers"]]
    if reason := _obstacle(places, is_narrow):
        return NotApplicable(reason)
    edits = {}
    for (narrow, place), (_, after) in pairwise(zip(is_narrow, places)):
        for edit in _edits(place, after, dose["units"], script.arguments) if narrow else ():
            edits[edit.old] = edit
    return apply(script, places[0].syntax, list(edits.values()), WORDS)


def _obstacle(places: Sequence[Place], is_narrow: Sequence[bool]) -> str:
    if len({place.syntax.file for place in places}) > 1:
        return "the layers are made in several files"
    narrow, others = ([p.call for p, is_one in zip(places, is_narrow) if is_one == which] for which in (True, False))
    if any(call in others for call in narrow):
        return f"line {places[0].syntax.line(narrow[0])} makes wide layers, too"
    given = [find_argument(place.call, "out_features", 1) for place in places[:-1]]
    taken = [find_argument(place.call, "in_features", 0) for place in places[1:]]
    return places[0].inside if None in given or None in taken else ""


def _edits(place: Place, after: Place, units: int, arguments: Sequence[str]) -> list[Edit]:
    """Return what makes the one layer give and the other take so many; a name that all read is changed once."""
    given, taken = find_argument(place.call, "out_features", 1), find_argument(after.call, "in_features", 0)
    assert given is not None and taken is not None
    syntax = place.syntax
    everywhere = [syntax.module]  # whoever else reads it is to have the same
    literal, other = (follow(syntax, argument.value, arguments, everywhere) for argument in (given, taken))
    if literal is not None:
        ends = {literal} | ({other} if other is not None else set())
    else:
        alike = syntax.code(given.value) == syntax.code(taken.value)
        ends = {given.value} | ({taken.value} if alike else {other} if other is not None else set())
    return [Edit(end, written(units)) for end in ends]
