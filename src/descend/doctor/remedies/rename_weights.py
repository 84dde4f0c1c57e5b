"""A checkpoint's names made those of the module that it is loaded into: a prefix taken off, or put on.

net.load_state_dict(state, strict=False)
net.load_state_dict({name.removeprefix("module."): value for name, value in state.items()}, strict=False)
"""

from typing import Any

import libcst as cst

from descend.doctor.record import Record
from descend.doctor.script.script import Script
from descend.doctor.source.arguments import find_argument
from descend.doctor.source.brackets import PRIMARY, bracketed
from descend.doctor.source.locate import locate
from descend.doctor.source.not_applicable import NotApplicable
from descend.doctor.source.syntax import last_name

LOAD = "load_state_dict"


def rename_weights(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Take `dose["prefix"]` off each name in the load at `dose["place"]`, or put it before each."""
    place = locate(script, record, LOAD, dose["place"])
    if isinstance(place, NotApplicable):
        return place
    given = find_argument(place.call, "state_dict", 0)
    if last_name(place.call.func) != LOAD or given is None:
        return NotApplicable(place.inside)
    prefix = repr(dose["prefix"]).replace("'", '"')
    name = f"name.removeprefix({prefix})" if dose["is_extra"] else f"{prefix} + name"
    state = place.syntax.code(bracketed(given.value, PRIMARY))
    renamed = cst.parse_expression(f"{{{name}: value for name, value in {state}.items()}}")
    return script.edit(place.syntax.file, place.syntax.replace(given.value, renamed))
