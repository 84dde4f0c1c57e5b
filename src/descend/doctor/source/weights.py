"""The quotients by which classes or examples are weighed: `weight = n_positive / n_negative`, given to a loss.

One that is upside down weighs most what is there most already.
"""

from collections.abc import Iterator, Sequence

import libcst as cst

from descend.doctor.source.aliases import names_at
from descend.doctor.source.names import given_keyword
from descend.doctor.source.syntax import Syntax, last_name

WEIGHING = ("weight", "pos_weight")  # what losses of torch.nn call it
SAMPLERS = ("WeightedRandomSampler",)


def weighing_quotients(syntax: Syntax, statements: Sequence[cst.BaseSmallStatement]) -> Iterator[cst.BinaryOperation]:
    """Yield each quotient in those statements that makes what a loss or a sampler of the file weighs by."""
    users = [(call, syntax.code(given)) for call in syntax.every(cst.Call) for given in _weights(call)]
    for statement in statements:
        for call in syntax.every(cst.Call, statement):
            yield from (quotient for given in _weights(call) for quotient in _quotients(syntax, given))
        if not isinstance(statement, cst.Assign) or not isinstance(statement.targets[0].target, cst.Name):
            continue
        quotients = _quotients(syntax, statement.value)
        name = statement.targets[0].target.value
        if any(code in names_at(syntax, statement.value, name, call) for call, code in users if quotients):
            yield from quotients


def _quotients(syntax: Syntax, within: cst.CSTNode) -> list[cst.BinaryOperation]:
    return [b for b in syntax.every(cst.BinaryOperation, within) if isinstance(b.operator, cst.Divide)]


def _weights(call: cst.Call) -> Iterator[cst.BaseExpression]:
    yield from (given for name in WEIGHING if (given := given_keyword(call, name)) is not None)
    if last_name(call.func) in SAMPLERS and call.args:
        yield call.args[0].value
