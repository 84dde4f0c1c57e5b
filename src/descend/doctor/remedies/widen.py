"""Add hidden units: in the layer that outputs them and in the layer that reads them.

nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 1)     # nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1)
width = 2                                       # or here, where all read it
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from descend.doctor.codemod.argument_edits import NodeEdit, apply_edits
from descend.doctor.codemod.arguments import find_argument, literal_expression
from descend.doctor.codemod.literals import find_literal
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.names import is_call_of
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

WORDS = "number of hidden units"


@dataclass(frozen=True)
class WidenArguments:
    """Arguments of the remedy `widen`, which adds units to narrow hidden layers."""

    layers: Sequence[str]  # names of linear layers, each of which reads the output of the previous one
    narrow: Collection[str]  # names of the layers in `layers` that get more output units
    units: int


def widen(script: Script, record: Record, arguments: WidenArguments) -> Script:
    """Give each narrow layer `units` outputs, and the layer after it as many inputs."""
    places: list[Place] = []
    for name in arguments.layers:
        place = locate(script, record, SiteKind.LINEAR, name)
        if not is_call_of(place.syntax, place.call, "Linear"):
            raise NotApplicable(place.indirect_call_message)
        places.append(place)
    is_narrow = [name in arguments.narrow for name in arguments.layers]
    if reason := _obstacle_message(places, is_narrow):
        raise NotApplicable(reason)
    edits = {}
    for (narrow, place), (_, after) in pairwise(zip(is_narrow, places)):
        for edit in _unit_edits(place, after, arguments.units, script.arguments) if narrow else ():
            edits[edit.old] = edit
    return apply_edits(script, places[0].syntax, list(edits.values()), WORDS)


def _obstacle_message(places: Sequence[Place], is_narrow: Sequence[bool]) -> str:
    """Return why the layers cannot be widened; "" if they can."""
    if len({place.syntax.file for place in places}) > 1:
        return "the layers are created in several files"
    narrow, others = ([p.call for p, is_one in zip(places, is_narrow) if is_one == which] for which in (True, False))
    if any(call in others for call in narrow):
        return f"line {places[0].syntax.line(narrow[0])} also creates wide layers"
    given = [find_argument(place.call, "out_features", 1) for place in places[:-1]]
    taken = [find_argument(place.call, "in_features", 0) for place in places[1:]]
    return places[0].indirect_call_message if None in given or None in taken else ""


def _unit_edits(place: Place, after: Place, units: int, arguments: Sequence[str]) -> list[NodeEdit]:
    """Return the edits that set a narrow layer's number of outputs and the next layer's number of inputs to `units`."""
    given, taken = find_argument(place.call, "out_features", 1), find_argument(after.call, "in_features", 0)
    assert given is not None and taken is not None
    syntax = place.syntax
    everywhere = [syntax.module]  # Other code that reads the same constant gets the new number too.
    literal, other = (find_literal(syntax, argument.value, arguments, everywhere) for argument in (given, taken))
    if literal is not None:
        ends = {literal} | ({other} if other is not None else set())
    else:
        alike = syntax.code(given.value) == syntax.code(taken.value)
        ends = {given.value} | ({taken.value} if alike else {other} if other is not None else set())
    return [NodeEdit(end, literal_expression(units)) for end in ends]
