"""What the loss compares the model's output with: `y` of `criterion(out, y)` and of `((out - y) ** 2).mean()`."""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.source.data_source import find_source
from descend.doctor.source.syntax import Syntax


def find_targets(syntax: Syntax, loss: cst.Call) -> cst.BaseExpression | None:
    """Return the expression for the targets in the call that makes the loss, or None."""
    pair = _arguments(loss) or _difference(syntax, loss)
    data = [side for side in pair if _is_data(syntax, side, loss)]
    return data[0] if len(data) == 1 else next(iter(pair[1:]), None)


def _arguments(loss: cst.Call) -> Sequence[cst.BaseExpression]:
    named = {a.keyword.value: a.value for a in loss.args if a.keyword is not None}
    plain = [a.value for a in loss.args if a.keyword is None and not a.star]
    pair = [*plain, *(named[name] for name in ("input", "target") if name in named)]
    return pair[:2] if len(pair) >= 2 else ()


def _difference(syntax: Syntax, loss: cst.Call) -> Sequence[cst.BaseExpression]:
    found = [part for part in syntax.every(cst.BinaryOperation, loss) if isinstance(part.operator, cst.Subtract)]
    return (found[0].left, found[0].right) if len(found) == 1 else ()


def _is_data(syntax: Syntax, side: cst.BaseExpression, loss: cst.Call) -> bool:
    source = find_source(syntax, side, loss, part=1)
    return bool(source.expressions) or source.function is not None
