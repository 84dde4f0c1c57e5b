"""Use the reciprocal weights of the classes: in the loss, or of the examples in a sampler.

nn.CrossEntropyLoss(weight=counts)            # nn.CrossEntropyLoss(weight=1 / counts)
"""

from dataclasses import dataclass
from typing import TypeGuard

import libcst as cst

from descend.doctor.codemod.arguments import find_argument
from descend.doctor.codemod.locate import Place, locate
from descend.doctor.codemod.not_applicable import NotApplicable
from descend.doctor.codemod.parentheses import OPERAND, parenthesize
from descend.doctor.codemod.syntax import last_name
from descend.doctor.codemod.value_origins import contributing_expressions
from descend.doctor.record import Record, SiteKind
from descend.doctor.record.facts import Remade
from descend.doctor.remedies.uniform_sampler import SAMPLER
from descend.doctor.script.script import Script

REMAKES: frozenset[Remade] = frozenset({"inputs", "pairs"})  # A sampler with other weights draws other examples.
CONVERSIONS = ("tensor", "as_tensor")
WEIGHT = 2  # position of the argument `weight` of a loss function; it is the first one of a loss module


@dataclass(frozen=True)
class InvertWeightsArguments:
    """Arguments of the remedy `invert_weights`."""

    argument: str  # the argument with the weights: weight, pos_weight or sampler
    place: str  # key of the weights in the record of the run; for a sampler, the number of its loader


def invert_weights(script: Script, record: Record, arguments: InvertWeightsArguments) -> Script:
    """Replace the weights by their reciprocals."""
    is_sampler = arguments.argument == "sampler"
    place = locate(script, record, SiteKind.LOADER if is_sampler else SiteKind.CLASS_WEIGHTS, arguments.place)
    syntax, line = place.syntax, place.syntax.line(place.call)
    given = _weights_of_sampler(place) if is_sampler else _weights_of_loss(place, arguments.argument)
    if given is None:
        raise NotApplicable(f"line {line} does not show where the weights are passed")
    is_list = is_sampler and not _is_quotient(given.value)
    new = _listed_reciprocals(given.value) if is_list else _reciprocal(given.value)
    return script.edit(syntax.file, syntax.replace(given.value, new))


def _weights_of_loss(place: Place, argument: str) -> cst.Arg | None:
    """Return the argument with the weights in the call of a loss function, or in the construction of a loss module."""
    is_function = last_name(place.call.func).islower()
    return find_argument(place.call, argument, None if argument != "weight" else WEIGHT if is_function else 0)


def _weights_of_sampler(place: Place) -> cst.Arg | None:
    """Return the argument with the weights of the sampler that is passed to a data loader."""
    sampler = find_argument(place.call, "sampler", SAMPLER)
    made = [] if sampler is None else contributing_expressions(place.syntax, sampler.value)
    calls = [e for e in made if isinstance(e, cst.Call) and last_name(e.func) == "WeightedRandomSampler"]
    return find_argument(calls[0], "weights", 0) if len(calls) == 1 else None


def _is_quotient(value: cst.BaseExpression) -> TypeGuard[cst.BinaryOperation]:
    """Return whether an expression is a quotient, which a list cannot be."""
    return isinstance(value, cst.BinaryOperation) and isinstance(value.operator, cst.Divide)


def _reciprocal(value: cst.BaseExpression) -> cst.BaseExpression:
    """Return the reciprocal of an expression: b / a for a quotient a / b, also inside `torch.tensor`; else 1 / a."""
    if isinstance(value, cst.Call) and last_name(value.func) in CONVERSIONS and value.args:
        first, *rest = value.args
        if _is_quotient(first.value):
            return value.with_changes(args=[first.with_changes(value=_reciprocal(first.value)), *rest])
    if not _is_quotient(value):
        return cst.BinaryOperation(cst.Integer("1"), cst.Divide(), parenthesize(value))
    if isinstance(value.left, cst.Integer | cst.Float) and value.left.evaluated_value == 1:
        return value.right
    return value.with_changes(left=parenthesize(value.right, OPERAND), right=parenthesize(value.left))


def _listed_reciprocals(value: cst.BaseExpression) -> cst.BaseExpression:
    """Return a list of the reciprocals of all elements: a sampler's weights may be a list, an array or a tensor."""
    each = cst.ensure_type(cst.parse_expression("[1 / w for w in w]"), cst.ListComp)
    return each.with_changes(for_in=each.for_in.with_changes(iter=parenthesize(value)))
