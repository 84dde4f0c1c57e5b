"""The modules whose parameters an optimizer gets: `model` of `SGD(model.parameters(), lr=0.1)`."""

import libcst as cst

from descend.doctor.source.arguments import PARAMETERS, find_argument
from descend.doctor.source.locate import Place
from descend.doctor.source.names import assigned_value
from descend.doctor.source.syntax import Syntax


def owners(place: Place) -> list[str]:
    """Return the modules whose `.parameters()` the optimizer gets, each once."""
    argument = find_argument(place.call, "params", 0)
    if argument is None:
        return []
    value: cst.BaseExpression | None = argument.value
    if isinstance(value, cst.Name):
        value = assigned_value(place.syntax, value)
    return _found_in(place.syntax, value) if value is not None else []


def _found_in(syntax: Syntax, value: cst.BaseExpression) -> list[str]:
    found = []
    for call in syntax.every(cst.Call, value):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in PARAMETERS:
            owner = call.func.value
            if _is_made_here(syntax, owner, value):
                return []
            found.append(syntax.code(owner))
    return list(dict.fromkeys(found))


def _is_made_here(syntax: Syntax, owner: cst.BaseExpression, value: cst.BaseExpression) -> bool:
    """Return whether the owner lives only inside the expression: a new module, a loop's variable."""
    if syntax.every(cst.Call, owner):
        return True
    names = {name.value for name in syntax.every(cst.Name, owner)}
    targets = [loop.target for loop in syntax.every(cst.CompFor, value)]
    return bool(names & {name.value for target in targets for name in syntax.every(cst.Name, target)})
