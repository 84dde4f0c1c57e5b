"""Load the weights of the trained network where a module loads its own weights.

target.load_state_dict(target.state_dict())      # target.load_state_dict(model.state_dict())

best = model.state_dict()                        # copy.deepcopy(model.state_dict()): training changes these tensors
model.load_state_dict(best)
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.arguments import find_argument
from descend.doctor.codemod.imports import import_module
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.syntax import Syntax, last_name
from descend.doctor.codemod.value_origins import contributing_expressions
from descend.doctor.record import Record, SiteKind, facts
from descend.doctor.script.script import Script

STATE = "state_dict"


@dataclass(frozen=True)
class LoadWeightsOfArguments:
    """Arguments of the remedy `load_weights_of`."""

    place: str  # key of the recorded call of `load_state_dict`


def load_weights_of(script: Script, record: Record, arguments: LoadWeightsOfArguments) -> Script:
    """Load the state of the trained network, or store a copy of the state that is loaded later."""
    place = locate(script, record, SiteKind.LOAD_STATE_DICT, arguments.place)
    found = record.fact(facts.OwnWeightsLoaded, arguments.place)
    syntax, line = place.syntax, place.syntax.line(place.call)
    given = find_argument(place.call, STATE, 0)
    if last_name(place.call.func) != "load_state_dict" or given is None or found is None:
        raise NotApplicable(place.indirect_call_message)
    if _is_state(given.value):
        if not found.source:
            raise NotApplicable(f"line {line} has no variable for another network with these weights")
        new = cst.parse_expression(f"{found.source}.{STATE}()")
        return script.edit(syntax.file, syntax.replace(given.value, new))
    states = [each for each in contributing_expressions(syntax, given.value) if _is_state(each)]
    if len(states) != 1:
        raise NotApplicable(f"line {line} does not show where the loaded weights are stored")
    return script.edit(syntax.file, _with_copy(syntax, states[0]))


def _is_state(value: cst.CSTNode) -> bool:
    """Return whether an expression is a call of `state_dict`."""
    return isinstance(value, cst.Call) and last_name(value.func) == STATE


def _with_copy(syntax: Syntax, state: cst.BaseExpression) -> str:
    """Return the source in which a stored state is copied, so that training does not change it."""
    text = syntax.replace(state, cst.parse_expression(f"copy.deepcopy({syntax.code(state)})"))
    return import_module(syntax.file, text, "copy")
