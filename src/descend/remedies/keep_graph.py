"""The loss itself, where a new tensor is made of its number: `torch.tensor(loss.item(), requires_grad=True)`.

Such a tensor asks for a gradient and has no graph behind it, so that nothing gets one.
"""

from collections.abc import Iterator
from typing import Any

import libcst as cst

from descend.record import Record
from descend.script import Script
from descend.source.locate import locate
from descend.source.names import given_keyword
from descend.source.not_applicable import NotApplicable
from descend.source.syntax import Change, Syntax, descendants, last_name

REBUILT = {"tensor", "as_tensor", "Variable"}
LEAVING = {"item", "detach", "cpu", "numpy"}  # `x.item()`, on the way from a tensor to a number
STEPS = 3  # from the new tensor to where its number is read, name by name


def keep_graph(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Let the tensor that is rebuilt from a loss's number be that loss. It takes no dose."""
    place = locate(script, record, "backward")
    if isinstance(place, NotApplicable):
        return place
    syntax = place.syntax
    changes: dict[cst.CSTNode, Change] = {}
    for call in syntax.every(cst.Call):
        numbers = list(_numbers(syntax, call.args[0].value, STEPS)) if _is_rebuilt(call) else []
        if numbers:
            changes |= {call: _first, **dict.fromkeys(numbers, _within)}
    if not changes:
        return NotApplicable(f"{syntax.file.name} makes no new tensor of a loss's number")
    return script.edit(syntax.file, syntax.rewrite(changes))


def _is_rebuilt(call: cst.Call) -> bool:
    asked = given_keyword(call, "requires_grad")
    is_asked = isinstance(asked, cst.Name) and asked.value == "True"
    return is_asked and last_name(call.func) in REBUILT and call.args[0].keyword is None


def _numbers(syntax: Syntax, value: cst.BaseExpression, steps: int) -> Iterator[cst.CSTNode]:
    """Yield what turns tensors into numbers in the expression, and in what its names have been given before."""
    for part in descendants(value):
        if isinstance(part, cst.Call) and (_is_method(part) or _is_float(part)) or _is_data(syntax, part):
            yield part
        elif isinstance(part, cst.Name) and steps:
            for given in _given(syntax, part):
                yield from _numbers(syntax, given, steps - 1)


def _is_method(call: cst.Call) -> bool:
    return isinstance(call.func, cst.Attribute) and call.func.attr.value in LEAVING and not call.args


def _is_float(call: cst.Call) -> bool:
    return isinstance(call.func, cst.Name) and call.func.value == "float" and len(call.args) == 1


def _is_data(syntax: Syntax, part: cst.CSTNode) -> bool:
    return isinstance(part, cst.Attribute) and part.attr.value == "data" and not syntax.is_module(part.value)


def _given(syntax: Syntax, name: cst.Name) -> Iterator[cst.BaseExpression]:
    """Yield every expression that is assigned or added to the name in its function."""
    home = next((o for o in syntax.ancestors(name) if isinstance(o, cst.FunctionDef)), syntax.module)
    for assign in syntax.every(cst.Assign, home):
        if any(isinstance(t.target, cst.Name) and t.target.value == name.value for t in assign.targets):
            if name not in syntax.every(cst.Name, assign):
                yield assign.value
    for added in syntax.every(cst.AugAssign, home):
        if isinstance(added.target, cst.Name) and added.target.value == name.value:
            yield added.value


def _first(call: cst.CSTNode) -> cst.BaseExpression:
    value = cst.ensure_type(call, cst.Call).args[0].value
    is_operation = isinstance(value, cst.BinaryOperation) and not value.lpar
    return value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()]) if is_operation else value


def _within(part: cst.CSTNode) -> cst.BaseExpression:
    """Return the tensor that a number was read from."""
    if isinstance(part, cst.Call) and isinstance(part.func, cst.Attribute):
        return part.func.value
    return _first(part) if isinstance(part, cst.Call) else cst.ensure_type(part, cst.Attribute).value
