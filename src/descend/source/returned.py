"""Under which names a script has gradients that a call returns: `grads = torch.autograd.grad(loss, params)`.

They go on through `zip(params, grads)`, `grads.items()` and `tree_map(lambda p, g: …, params, grads)`.
"""

from collections.abc import Iterator, Sequence

import libcst as cst

from descend.source.syntax import Syntax, first_name, last_name

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
    parts = _parts(target)
    if is_gradient(source, names):
        yield from _names(target)
    elif isinstance(source, cst.Call) and last_name(source.func) == "zip":
        for part, argument in zip(parts, source.args):
            yield from _taken(part, argument.value, names)
    elif isinstance(source, cst.Call) and last_name(source.func) == "enumerate" and source.args and len(parts) > 1:
        yield from _taken(parts[1], source.args[0].value, names)
    elif (
        isinstance(source, cst.Call)
        and isinstance(source.func, cst.Attribute)
        and is_gradient(source.func.value, names)
    ):
        way = source.func.attr.value
        if way in ("items", "values"):
            yield from _names(parts[-1])


def _parts(target: _Target) -> Sequence[_Target]:
    return [e.value for e in target.elements] if isinstance(target, cst.Tuple | cst.List) else [target]


def _names(target: _Target) -> Iterator[str]:
    for part in _parts(target):
        if isinstance(part, cst.Name):
            yield part.value
        elif isinstance(part, cst.Tuple | cst.List):
            yield from _names(part)
