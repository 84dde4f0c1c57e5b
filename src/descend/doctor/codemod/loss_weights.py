"""Find the quotients that weight classes or examples: `weight = n_positive / n_negative`, passed to a loss.

If the quotient is inverted, the most frequent class gets the largest weight.
"""

from collections.abc import Iterator, Sequence

import libcst as cst

from descend.doctor.codemod.aliases import names_at
from descend.doctor.codemod.names import keyword_value
from descend.doctor.codemod.syntax import Syntax, last_name

WEIGHT_ARGUMENTS = ("weight", "pos_weight")  # arguments by which losses of torch.nn take weights
SAMPLERS = ("WeightedRandomSampler",)


def weight_quotients(syntax: Syntax, statements: Sequence[cst.BaseSmallStatement]) -> Iterator[cst.BinaryOperation]:
    """Yield each quotient in the given statements from which a weight for a loss or a sampler is computed."""
    users = [(call, syntax.code(given)) for call in syntax.every(cst.Call) for given in _weight_arguments(call)]
    for statement in statements:
        for call in syntax.every(cst.Call, statement):
            yield from (quotient for given in _weight_arguments(call) for quotient in _quotients(syntax, given))
        if not isinstance(statement, cst.Assign) or not isinstance(statement.targets[0].target, cst.Name):
            continue
        quotients = _quotients(syntax, statement.value)
        name = statement.targets[0].target.value
        if any(code in names_at(syntax, statement.value, name, call) for call, code in users if quotients):
            yield from quotients


def _quotients(syntax: Syntax, within: cst.CSTNode) -> list[cst.BinaryOperation]:
    """Return the divisions in an expression or statement."""
    return [b for b in syntax.every(cst.BinaryOperation, within) if isinstance(b.operator, cst.Divide)]


def _weight_arguments(call: cst.Call) -> Iterator[cst.BaseExpression]:
    """Yield the weights that are passed to a loss or a sampler in a call."""
    yield from (given for name in WEIGHT_ARGUMENTS if (given := keyword_value(call, name)) is not None)
    if last_name(call.func) in SAMPLERS and call.args:
        yield call.args[0].value
