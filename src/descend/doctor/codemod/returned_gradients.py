"""Find the names of gradients that a call returns: `grads = torch.autograd.grad(loss, params)`.

Names are followed through ``zip(params, grads)``, ``grads.items()`` and ``tree_map(lambda p, g: …, params, grads)``.
"""

from collections.abc import Iterator, Sequence

import libcst as cst
from libcst import matchers as m

from descend.doctor.codemod.bindings import iterable_of_part
from descend.doctor.codemod.syntax import Syntax, first_name

_Target = cst.BaseExpression
_MAX_PASSES = 4  # largest number of times that gradients pass from one name to another


def gradient_names(syntax: Syntax, call: cst.Call) -> set[str]:
    """Return the variables that hold gradients which `call` returns, together or one by one."""
    names: set[str] = set()
    for outer in syntax.ancestors(call):
        if isinstance(outer, cst.Assign):
            names.update(name for target in outer.targets for name in _target_names(target.target))
        if isinstance(outer, cst.BaseSmallStatement):
            break
    for _ in range(_MAX_PASSES):
        known = len(names)
        names.update(_names_passed_on(syntax, names))
        if len(names) == known:
            break
    return names


def is_gradient(expression: cst.BaseExpression, names: set[str]) -> bool:
    """Return whether an expression is one of the variables `names` that hold gradients, or an element of one."""
    first = first_name(expression) if isinstance(expression, cst.Name | cst.Subscript) else None
    return first is not None and first.value in names


def _names_passed_on(syntax: Syntax, names: set[str]) -> Iterator[str]:
    """Yield the loop variables and lambda parameters that get their values from gradients."""
    loops: list[cst.For | cst.CompFor] = [*syntax.every(cst.For), *syntax.every(cst.CompFor)]
    for loop in loops:
        yield from _loop_names(loop.target, loop.iter, names)
    for call in syntax.every(cst.Call):
        first = call.args[0].value if call.args else None
        if isinstance(first, cst.Lambda):
            for parameter, argument in zip(first.params.params, call.args[1:]):
                yield from [parameter.name.value] if is_gradient(argument.value, names) else []


def _loop_names(target: _Target, source: cst.BaseExpression, names: set[str]) -> Iterator[str]:
    """Yield the variables of a loop that get their values from gradients."""
    if is_gradient(source, names):
        yield from _target_names(target)
    for i, part in enumerate(_tuple_elements(target)):
        if (series := iterable_of_part(source, i)) is not None:
            yield from _loop_names(part, series, names)
    if m.matches(source, m.Call(func=m.Attribute(attr=m.Name("items") | m.Name("values")))):
        mapping = cst.ensure_type(cst.ensure_type(source, cst.Call).func, cst.Attribute).value
        yield from _target_names(_tuple_elements(target)[-1]) if is_gradient(mapping, names) else ()


def _tuple_elements(target: _Target) -> Sequence[_Target]:
    """Return the elements of an unpacking target such as ``p, g``, or a single target alone."""
    return [e.value for e in target.elements] if isinstance(target, cst.Tuple | cst.List) else [target]


def _target_names(target: _Target) -> Iterator[str]:
    """Yield the variables in an assignment target, which may be an unpacking target such as ``p, g``."""
    for part in _tuple_elements(target):
        if isinstance(part, cst.Name):
            yield part.value
        elif isinstance(part, cst.Tuple | cst.List):
            yield from _target_names(part)
