"""Find the modules whose parameters an optimizer updates: `model` in `SGD(model.parameters(), lr=0.1)`."""

import libcst as cst

from descend.doctor.codemod.arguments import PARAMETER_METHODS, find_argument
from descend.doctor.codemod.locate import Place
from descend.doctor.codemod.names import assigned_value
from descend.doctor.codemod.syntax import Syntax


def optimizer_modules(place: Place) -> list[str]:
    """Return the code of each module whose ``parameters()`` are passed to the optimizer: ``["encoder", "head"]``."""
    argument = find_argument(place.call, "params", 0)
    if argument is None:
        return []
    value: cst.BaseExpression | None = argument.value
    if isinstance(value, cst.Name):
        value = assigned_value(place.syntax, value)
    return _modules_in(place.syntax, value) if value is not None else []


def _modules_in(syntax: Syntax, value: cst.BaseExpression) -> list[str]:
    """Return the modules whose ``parameters()`` an expression contains; [] if one exists only within the expression."""
    found = []
    for call in syntax.every(cst.Call, value):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in PARAMETER_METHODS:
            owner = call.func.value
            if _is_local_to(syntax, owner, value):
                return []
            found.append(syntax.code(owner))
    return list(dict.fromkeys(found))


def _is_local_to(syntax: Syntax, owner: cst.BaseExpression, value: cst.BaseExpression) -> bool:
    """Return whether a module exists only within the expression `value`, because it is new or a loop variable."""
    if syntax.every(cst.Call, owner):
        return True
    names = {name.value for name in syntax.every(cst.Name, owner)}
    targets = [loop.target for loop in syntax.every(cst.CompFor, value)]
    return bool(names & {name.value for target in targets for name in syntax.every(cst.Name, target)})
