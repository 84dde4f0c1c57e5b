"""Find the targets of a loss: `y` in `criterion(out, y)` and in `((out - y) ** 2).mean()`."""

from collections.abc import Sequence

import libcst as cst

from descend.doctor.codemod.data_source import find_source
from descend.doctor.codemod.syntax import Syntax


def find_targets(syntax: Syntax, loss: cst.Call) -> cst.BaseExpression | None:
    """Return the targets that are an argument of the call that computes the loss, or None."""
    pair = _loss_arguments(loss) or _subtracted_operands(syntax, loss)
    data = [side for side in pair if _is_data(syntax, side, loss)]
    return data[0] if len(data) == 1 else next(iter(pair[1:]), None)


def _loss_arguments(loss: cst.Call) -> Sequence[cst.BaseExpression]:
    """Return the two arguments that a loss function compares: the predictions and the targets."""
    named = {a.keyword.value: a.value for a in loss.args if a.keyword is not None}
    plain = [a.value for a in loss.args if a.keyword is None and not a.star]
    pair = [*plain, *(named[name] for name in ("input", "target") if name in named)]
    return pair[:2] if len(pair) >= 2 else ()


def _subtracted_operands(syntax: Syntax, loss: cst.Call) -> Sequence[cst.BaseExpression]:
    """Return both operands of the difference in a call that computes a loss; () unless it has exactly one."""
    found = [part for part in syntax.every(cst.BinaryOperation, loss) if isinstance(part.operator, cst.Subtract)]
    return (found[0].left, found[0].right) if len(found) == 1 else ()


def _is_data(syntax: Syntax, side: cst.BaseExpression, loss: cst.Call) -> bool:
    """Return whether an argument of a loss comes from the data and not from the model."""
    source = find_source(syntax, side, loss, part=1)
    return bool(source.expressions) or source.function is not None
