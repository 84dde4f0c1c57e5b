"""The loss itself, where a new tensor is made of its number: `torch.tensor(loss.item(), requires_grad=True)`.

Such a tensor asks for a gradient and has no graph behind it, so that nothing gets one. Only the tensor that goes
backward is looked at, and only names of which nothing else makes use are changed.
"""

from collections.abc import Iterator
from typing import Any

import libcst as cst

from descend.record import Record
from descend.script import Script
from descend.source.backward_pass import loss_of
from descend.source.brackets import bracketed
from descend.source.insert import without_line
from descend.source.locate import locate
from descend.source.names import binding, given_keyword, home_of
from descend.source.not_applicable import NotApplicable
from descend.source.syntax import Change, Syntax, last_name, parse

REBUILT = {"tensor", "as_tensor", "Variable"}
LEAVING = {"item", "detach", "cpu", "numpy"}  # `x.item()`, on the way from a tensor to a number
STEPS = 3  # from the backward pass to the new tensor, and from there to where its number is read, name by name
Changes = dict[cst.CSTNode, Change]


def keep_graph(script: Script, record: Record, dose: dict[str, Any]) -> Script | NotApplicable:
    """Let the tensor that is rebuilt from a loss's number be that loss. It takes no dose."""
    place = locate(script, record, "backward")
    if isinstance(place, NotApplicable):
        return place
    syntax, loss = place.syntax, loss_of(place.syntax, place.call)
    rebuilt = list(_rebuilt(syntax, loss, STEPS)) if loss is not None else []
    if not rebuilt:
        return NotApplicable(f"line {syntax.line(place.call)} goes backward from no tensor that is made of a number")
    changes: Changes = {}
    for call in rebuilt:
        numbers = _numbers(syntax, call.args[0].value, STEPS)
        if not numbers:
            return NotApplicable(f"what line {syntax.line(call)} makes a tensor of is used elsewhere, or no loss")
        changes |= {call: _first, **numbers}
    return script.edit(syntax.file, _without_idle_lines(syntax, syntax.rewrite(changes)))


def _without_idle_lines(before: Syntax, text: str) -> str:
    """Return the text without the first assignment that only says `x = x`, if there was none before."""
    after = parse(before.file, text)
    idle = [a for a in after.every(cst.Assign) if _is_idle(after, a)] if isinstance(after, Syntax) else []
    if not isinstance(after, Syntax) or not idle or any(_is_idle(before, a) for a in before.every(cst.Assign)):
        return text
    return without_line(after, idle[0]) or text


def _is_idle(syntax: Syntax, assign: cst.Assign) -> bool:
    return [syntax.code(target.target) for target in assign.targets] == [syntax.code(assign.value)]


def _rebuilt(syntax: Syntax, value: cst.BaseExpression, steps: int) -> Iterator[cst.Call]:
    """Yield the new tensors that the expression may be: itself, what its name is given, what a function returns."""
    if isinstance(value, cst.Call) and _is_rebuilt(value):
        yield value
    elif isinstance(value, cst.Name) and steps:
        for _, given in _given(syntax, value):
            yield from _rebuilt(syntax, given, steps - 1)
    elif isinstance(value, cst.Call) and steps:
        bound = binding(syntax, value.func) if isinstance(value.func, cst.Name) else None
        function = bound.node if bound is not None else None
        for returned in syntax.every(cst.Return, function) if isinstance(function, cst.FunctionDef) else []:
            if returned.value is not None:
                yield from _rebuilt(syntax, returned.value, steps - 1)


def _is_rebuilt(call: cst.Call) -> bool:
    asked = given_keyword(call, "requires_grad")
    is_asked = isinstance(asked, cst.Name) and asked.value == "True"
    return is_asked and last_name(call.func) in REBUILT and call.args[0].keyword is None


def _numbers(syntax: Syntax, value: cst.BaseExpression, steps: int) -> Changes:
    """Return the changes that make a tensor of the expression again; none where that cannot be."""
    if isinstance(value, cst.BinaryOperation):
        left, right = _numbers(syntax, value.left, steps), _numbers(syntax, value.right, steps)
        return left | right
    if isinstance(value, cst.UnaryOperation):
        return _numbers(syntax, value.expression, steps)
    if isinstance(value, cst.Call) and (_is_method(value) or steps == STEPS and _is_float(value)):
        inner = value.func.value if isinstance(value.func, cst.Attribute) else value.args[0].value
        return {value: _within, **_numbers(syntax, inner, 0)}
    if isinstance(value, cst.Attribute) and value.attr.value == "data":
        return {value: _within}
    if isinstance(value, cst.Name) and steps and _is_used_once(syntax, value):
        changes: Changes = {}
        for _, given in _given(syntax, value):
            changes |= _numbers(syntax, given, steps - 1)
        return changes
    return {}


def _is_method(call: cst.Call) -> bool:
    return isinstance(call.func, cst.Attribute) and call.func.attr.value in LEAVING and not call.args


def _is_float(call: cst.Call) -> bool:
    return isinstance(call.func, cst.Name) and call.func.value == "float" and len(call.args) == 1


def _given(syntax: Syntax, name: cst.Name) -> Iterator[tuple[cst.Name, cst.BaseExpression]]:
    """Yield where and what is assigned or added to the name in its own function."""
    home = home_of(syntax, name)
    for assign in syntax.every(cst.Assign, home):
        for target in (t.target for t in assign.targets):
            if isinstance(target, cst.Name) and target.value == name.value and home_of(syntax, target) is home:
                yield target, assign.value
    for added in syntax.every(cst.AugAssign, home):
        target = added.target
        if isinstance(target, cst.Name) and target.value == name.value and home_of(syntax, target) is home:
            yield target, added.value


def _is_used_once(syntax: Syntax, name: cst.Name) -> bool:
    """Whether the name is read here and nowhere else."""
    home, written = home_of(syntax, name), {target for target, _ in _given(syntax, name)}
    same = [n for n in syntax.every(cst.Name, home) if n.value == name.value and n not in written]
    return same == [name]


def _first(call: cst.CSTNode) -> cst.BaseExpression:
    return bracketed(cst.ensure_type(call, cst.Call).args[0].value)


def _within(part: cst.CSTNode) -> cst.BaseExpression:
    """Return the tensor that a number was read from."""
    if isinstance(part, cst.Call) and isinstance(part.func, cst.Attribute):
        return part.func.value
    return _first(part) if isinstance(part, cst.Call) else cst.ensure_type(part, cst.Attribute).value
