"""Under which names a script has gradients that a call returns: `grads = torch.autograd.grad(loss, params)`.

They go on through `zip(params, grads)`, `grads.items()` and `tree_map(lambda p, g: …, params, grads)`.
"""

from collections.abc import Iterator, Sequence

import libcst as cst
from libcst import matchers as m

from descend.doctor.source.bindings import one_of_series
from descend.doctor.source.syntax import Syntax, first_name

_Target = cst.BaseExpression
_GOES_ON = 4  # from name to name


def gradient_names(syntax: Syntax, call: cst.Call) -> set[str]:
    """Return the names that what `call` returns goes by in its file, as a whole or in parts."""
    names: set[str] = set()
    for outer in syntax.ancestors(call):
        if isinstance(outer, cst.Assign):
            names.update(name for target in outer.targets for name in _names(target.target))
        if isinstance(outer, cst.BaseSmallStatement):
            break
    for _ in range(_GOES_ON):
        known = len(names)
        names.update(_handed_on(syntax, names))
        if len(names) == known:
            break
    return names


def is_gradient(expression: cst.BaseExpression, names: set[str]) -> bool:
    """Whether an expression is one of the gradients, or an entry of them."""
    first = first_name(expression) if isinstance(expression, cst.Name | cst.Subscript) else None
    return first is not None and first.value in names


def _handed_on(syntax: Syntax, names: set[str]) -> Iterator[str]:
    loops: list[cst.For | cst.CompFor] = [*syntax.every(cst.For), *syntax.every(cst.CompFor)]
    for loop in loops:
        yield from _taken(loop.target, loop.iter, names)
    for call in syntax.every(cst.Call):
        first = call.args[0].value if call.args else None
        if isinstance(first, cst.Lambda):
            for parameter, argument in zip(first.params.params, call.args[1:]):
                yield from [parameter.name.value] if is_gradient(argument.value, names) else []


def _taken(target: _Target, source: cst.BaseExpression, names: set[str]) -> Iterator[str]:
    """Yield the names that a loop gives to gradients."""
    if is_gradient(source, names):
        yield from _names(target)
    for i, part in enumerate(_parts(target)):
        if (series := one_of_series(source, i)) is not None:
            yield from _taken(part, series, names)
    if m.matches(source, m.Call(func=m.Attribute(attr=m.Name("items") | m.Name("values")))):
        mapping = cst.ensure_type(cst.ensure_type(source, cst.Call).func, cst.Attribute).value
        yield from _names(_parts(target)[-1]) if is_gradient(mapping, names) else ()


def _parts(target: _Target) -> Sequence[_Target]:
    return [e.value for e in target.elements] if isinstance(target, cst.Tuple | cst.List) else [target]


def _names(target: _Target) -> Iterator[str]:
    for part in _parts(target):
        if isinstance(part, cst.Name):
            yield part.value
        elif isinstance(part, cst.Tuple | cst.List):
            yield from _names(part)
