"""Rename the weights of a checkpoint as the module names them: remove a prefix, or add one.

net.load_state_dict(state, strict=False)
net.load_state_dict({name.removeprefix("module."): value for name, value in state.items()}, strict=False)
"""

from dataclasses import dataclass

import libcst as cst

from descend.doctor.codemod.arguments import find_argument
from descend.doctor.codemod.locate import locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import PRIMARY, parenthesize
from descend.doctor.codemod.syntax import last_name
from descend.doctor.record import Record, SiteKind
from descend.doctor.script.script import Script

LOAD = "load_state_dict"


@dataclass(frozen=True)
class RenameWeightsArguments:
    """Arguments of the remedy `rename_weights`, which fixes the names in a loaded state dict."""

    place: str  # key of the recorded call of `load_state_dict`
    prefix: str
    is_extra: bool  # True if only the checkpoint's names have the prefix, False if only the module's do


def rename_weights(script: Script, record: Record, arguments: RenameWeightsArguments) -> Script:
    """Remove a prefix such as "module." from each name in the loaded state dict, or add it if it is missing there."""
    place = locate(script, record, SiteKind.LOAD_STATE_DICT, arguments.place)
    given = find_argument(place.call, "state_dict", 0)
    if last_name(place.call.func) != LOAD or given is None:
        raise NotApplicable(place.indirect_call_message)
    prefix = repr(arguments.prefix).replace("'", '"')
    name = f"name.removeprefix({prefix})" if arguments.is_extra else f"{prefix} + name"
    state = place.syntax.code(parenthesize(given.value, PRIMARY))
    renamed = cst.parse_expression(f"{{{name}: value for name, value in {state}.items()}}")
    return script.edit(place.syntax.file, place.syntax.replace(given.value, renamed))
