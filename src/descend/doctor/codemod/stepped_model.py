"""Find the name of an optimizer's model where the optimizer steps."""

import libcst as cst

from descend.doctor.codemod.aliases import name_at
from descend.doctor.codemod.functions import function_around
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.optimizer_modules import optimizer_modules
from descend.doctor.codemod.optimizer_step import StepCall
from descend.doctor.codemod.syntax import first_name


def stepped_model_name(made: Place, stepping: StepCall) -> str | None:
    """Return the variable of the optimizer's only model where the optimizer steps; None if it is unclear."""
    found, syntax = optimizer_modules(made), made.syntax
    if len(found) != 1 or stepping.place.syntax is not syntax:
        return None
    name = name_at(syntax, made.call, found[0], stepping.place.call)
    if name is not None:
        return name
    head = first_name(cst.parse_expression(found[0]))
    is_same = head is not None and name_at(syntax, made.call, head.value, stepping.place.call) == head.value
    return found[0] if is_same and _is_made_and_stepped_in_one_function(made, stepping) else None


def _is_made_and_stepped_in_one_function(made: Place, stepping: StepCall) -> bool:
    """Return whether the optimizer is created and stepped in the same function."""
    functions = [function_around(made.syntax, call) for call in (made.call, stepping.place.call)]
    return functions[0] == functions[1]
