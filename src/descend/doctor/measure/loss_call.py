"""The call that computes the loss, its prediction and target, and the activation that computes the prediction.

A loss is a function of torch.nn.functional, or an equivalent expression that people write:

    ((prediction - target) ** 2).mean()             # mse_loss
    torch.norm(prediction - target)                 # mse_loss
    (prediction - target).abs().mean()              # l1_loss
    -log_probabilities[range(n), labels].mean()     # nll_loss
    -(one_hot * p.log()).sum(1).mean()              # nll_loss
    -(t * p.log() + (1 - t) * (1 - p).log()).mean() # binary_cross_entropy
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from descend.core.operations import Trait, having
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import NONE, SMOOTH, Slot
from descend.doctor.tape.nesting import leaves
from descend.doctor.tape.vocabulary import (
    BINARY_LOSSES,
    CLAMPS,
    CLASS_LOSSES,
    DIFFERENCES,
    LOSSES,
    NEGATIONS,
    OUTPUT_ACTIVATIONS,
    PRODUCTS,
    REAL_LOSSES,
    RESHAPES,
    SOFTMAXES,
)

# calls that may turn the errors of single examples into the loss
_SCALES = frozenset("mean sum neg mul div add nanmean".split())
_SQUARES: frozenset[str] = frozenset({"pow", "square", "mul"})
_NORMS = having(Trait.NORM)
# Roots and norms are increasing functions of the averaged errors, so the minimum stays in place.
ROOTS = _NORMS | {"sqrt"}
EUCLIDEAN = (2, None, "fro")
SQUARE = 2
_SUMS = _SCALES | {"sub"}
_KEEPING_POSITIVE = RESHAPES | CLAMPS | {"add"}  # calls that people use to keep a logarithm's argument positive
_PICKS = having(Trait.SELECTION)  # calls that select the log-probability of each example's class
Made = Mapping[int, Op]  # id of a value in the recording -> the call that computed it


@dataclass(frozen=True)
class LossCall:
    """The only call in a recording that compares the prediction with the target."""

    op: Op
    function: str  # the loss function's name in torch.nn.functional, also for an equivalent expression
    prediction: int  # id of the prediction in the recording
    target: int  # id of the target in the recording
    activation: Op | None  # the activation that computes the prediction, if any
    of_logarithm: bool = False  # whether the call receives the logarithm of the prediction
    negated: bool = False  # whether the call receives the negated target

    @property
    def task(self) -> str:
        """The kind of targets: `classes`, `binary` or `real`."""
        return task_of(self.function)

    @property
    def by_hand(self) -> bool:
        """Return whether the script writes the loss as an expression instead of calling a loss function."""
        return self.op.name not in LOSSES

    def pair(self, args: tuple, kwargs: dict) -> tuple[Tensor, Tensor]:
        """Return prediction and target of the loss, extracted from the arguments of its call."""
        tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        prediction = tensors[self.op.inputs.index(self.prediction)]
        prediction = prediction.exp() if self.of_logarithm else prediction
        target = tensors[self.op.inputs.index(self.target)]
        target = -target if self.negated else target
        return prediction, target.reshape(-1) if self.op.name == "gather" else target


def task_of(function: str) -> str:
    """Return the kind of targets of a loss function: `classes`, `binary` or `real`. Raises `ValueError` for others."""
    for task, names in (("classes", CLASS_LOSSES), ("binary", BINARY_LOSSES), ("real", REAL_LOSSES)):
        if function in names:
            return task
    raise ValueError(function)


def loss_call(recording: Recording) -> LossCall | None:
    """Return the loss call of a recording, or None if the recording has no loss call or several."""
    ops = list(recording.ops)
    calls = [op for op in ops if op.name in LOSSES]
    if calls:
        return _call_of_loss_function(ops, calls[0]) if len(calls) == 1 else None
    return next(
        (
            found
            for form in (_averaged_difference, _selection_of_log_probabilities, _weighted_log_probabilities)
            if (found := form(ops, recording.root))
        ),
        None,
    )


def _call_of_loss_function(ops: list[Op], call: Op) -> LossCall | None:
    """Return a loss function's call as a loss call, even if the script passes target and prediction in reverse."""
    given = [*call.args[:2], *(call.kwargs[name] for name in ("input", "target") if name in call.kwargs)]
    slots = [value.index for value in given if isinstance(value, Slot)]
    if len(slots) < 2:
        return None
    before, dependences = ops[: ops.index(call)], dict(zip(call.inputs, call.dependences))
    exchanged = (
        value_dependence(before, slots[0], dependences[slots[0]])
        == NONE
        != value_dependence(before, slots[1], dependences[slots[1]])
    )
    prediction, target = slots[1::-1] if exchanged and call.name in REAL_LOSSES else slots[:2]
    return _with_output_activation(ops, call, call.name, prediction, target)


def _averaged_difference(ops: list[Op], root: int) -> LossCall | None:
    """Return, as a loss call, the difference whose squares or absolute values the loss averages; None if not one."""
    found = []
    for i, op in enumerate(ops):
        if op.name not in DIFFERENCES or len(op.inputs) != 2:
            continue
        dependences = [
            value_dependence(ops[:i], slot, dependence) for slot, dependence in zip(op.inputs, op.dependences)
        ]
        function = _name_of_average(ops[i + 1 :], op.outputs[0], root) if sorted(dependences) == [NONE, SMOOTH] else ""
        if function:
            prediction, target = op.inputs if dependences[0] == SMOOTH else op.inputs[::-1]
            found.append(_with_output_activation(ops, op, function, prediction, target))
    return found[0] if len(found) == 1 else None


def value_dependence(ops: Sequence[Op], slot: int, dependence: int) -> int:
    """Return how a value depends on the parameters, ignoring shapes: `y.view_as(prediction)` depends as `y` does."""
    for op in reversed(ops):
        if slot in op.outputs:
            if op.name not in RESHAPES or not op.inputs:
                break
            slot, dependence = op.inputs[0], op.dependences[0]
    return dependence


def _name_of_average(ops: Sequence[Op], errors: int | None, root: int) -> str:
    """Return the loss function that averages `errors` as the loss does: "mse_loss", "l1_loss", or "" for no match."""
    path = _calls_between(ops, errors, root, _SCALES | _SQUARES | ROOTS | {"abs"})
    names = {op.name for op in path}
    if any(op.name == "pow" and (len(op.args) < 2 or op.args[1] != SQUARE) for op in path):
        return ""
    if any(op.name in _NORMS and _norm_order(op) not in EUCLIDEAN for op in path):
        return ""
    squared = names & {"pow", "square", *_NORMS} or any(op.name == "mul" and len(op.inputs) == 2 for op in path)
    if "sqrt" in names and not squared:
        return ""
    return "mse_loss" if squared else "l1_loss" if "abs" in names else ""


def _norm_order(norm: Op) -> Any:
    """Return the order of the norm that a call computes, such as 2 or "fro"; None if it is not passed."""
    given = [*norm.args[1:2], *(norm.kwargs[name] for name in ("p", "ord") if name in norm.kwargs)]
    return given[0] if given else None


def _calls_between(ops: Sequence[Op], start: int | None, root: int, allowed: frozenset[str]) -> list[Op]:
    """Return the calls between the value `start` and the loss; an empty list if one is not `allowed`."""
    reached: set[int | None] = {start}
    path = []
    for op in ops:
        if not reached.intersection(op.inputs):
            continue
        if op.name not in allowed | RESHAPES or len(set(op.inputs)) > 1 and op.name not in ("add", "sub"):
            return []
        path.append(op)
        reached.update(op.outputs)
    return path if root in reached else []


def _selection_of_log_probabilities(ops: list[Op], root: int) -> LossCall | None:
    """Return, as a loss call, the call that selects each example's log-probability of its class; None without one."""
    smooth = {slot for op in ops if op.name == "log_softmax" for slot in op.outputs}
    for i, op in enumerate(ops):
        is_pick = op.name in _PICKS and op.inputs[0] in smooth and len(op.inputs) > 1 and op.dependences[-1] == NONE
        if is_pick and _calls_between(ops[i + 1 :], op.outputs[0], root, _SCALES):
            return _with_output_activation(ops, op, "nll_loss", op.inputs[0], op.inputs[-1])
    return None


def _weighted_log_probabilities(ops: list[Op], root: int) -> LossCall | None:
    """Return, as a loss call, the product of targets and log-probabilities that the loss averages; None without one."""
    made = {slot: op for op in ops for slot in op.outputs if slot is not None}
    products = [product for i in range(len(ops)) if (product := _averaged_product(ops, i, root, made)) is not None]
    yes = [product for product in products if not product.is_of_complement]
    no = [product for product in products if product.is_of_complement]
    if len(yes) != 1 or len(no) > 1 or any(product.upstream != yes[0].upstream for product in no):
        return None
    of = yes[0]
    activation = activation_of(ops, of.upstream)
    if no and _complemented_id(made, no[0].target) == of.target:
        found = LossCall(of.op, "binary_cross_entropy", of.logarithm, of.given, activation, of_logarithm=True)
    elif not no and activation is not None and activation.name in SOFTMAXES:
        found = LossCall(of.op, "nll_loss", of.logarithm, of.given, None)
    else:
        return None
    return replace(found, negated=of.given in made and made[of.given].name in NEGATIONS)


@dataclass(frozen=True)
class _Product:
    """A product of data with the logarithm of a prediction, or of 1 minus a prediction."""

    op: Op
    logarithm: int  # id of the logarithm in the recording
    given: int  # id of the factor that consists of data
    target: int  # id of the data before any reshapes and negations
    upstream: int  # id of the prediction
    is_of_complement: bool


def _averaged_product(ops: list[Op], i: int, root: int, made: Made) -> _Product | None:
    """Return call number `i` as a product of data and a logarithm that the loss averages; None for any other call."""
    op = ops[i]
    if op.name not in PRODUCTS or sorted(op.dependences) != [NONE, SMOOTH]:
        return None
    data, smooth = op.inputs if op.dependences[0] == NONE else op.inputs[::-1]
    log = made.get(_trace_back(made, smooth, NEGATIONS | RESHAPES))
    if (
        log is None
        or log.name not in ("log", "log_softmax")
        or not _calls_between(ops[i + 1 :], op.outputs[0], root, _SUMS)
    ):
        return None
    upstream = smooth if log.name == "log_softmax" else _trace_back(made, log.inputs[0])
    complement = _complemented_id(made, upstream)
    target = _trace_back(made, data, NEGATIONS | RESHAPES)
    is_of_complement = complement is not None
    return _Product(op, smooth, data, target, upstream if complement is None else complement, is_of_complement)


def _complemented_id(made: Made, slot: int) -> int | None:
    """Return the id of x if a value was computed as 1 − x, otherwise None."""
    op = made.get(slot)
    is_difference = op is not None and op.name in DIFFERENCES and len(op.inputs) == 1 and 1 in op.args
    return _trace_back(made, op.inputs[0]) if op is not None and is_difference else None


def _trace_back(made: Made, slot: int, through: frozenset[str] = _KEEPING_POSITIVE) -> int:
    """Return the id of the value that `slot` was computed from, tracing back through the calls named in `through`."""
    while (op := made.get(slot)) is not None and op.name in through and len(op.inputs) == 1 and slot != op.inputs[0]:
        slot = op.inputs[0]
    return slot


def _with_output_activation(ops: list[Op], op: Op, function: str, prediction: int, target: int) -> LossCall:
    """Return a call as a loss call, completed by the activation that computes the prediction."""
    return LossCall(op, function, prediction, target, activation_of(ops[: ops.index(op)], prediction))


def activation_of(ops: Sequence[Op], slot: int) -> Op | None:
    """Return the activation that computed a value, or None; reshapes and two-sided clamps after it are skipped."""
    for op in reversed(ops):
        if slot not in op.outputs and slot not in op.written:
            continue
        if op.name in OUTPUT_ACTIVATIONS:
            return op
        if not op.inputs or op.name not in RESHAPES and not _keeps_in_bounds(op):
            return None
        slot = op.inputs[0]
    return None


def _keeps_in_bounds(op: Op) -> bool:
    """Return whether a call is clamp(x, low, high), which people use to keep probabilities away from 0 and 1."""
    bounds = [*op.args[1:], *op.kwargs.values()]
    return op.name in CLAMPS and sum(bound is not None for bound in bounds) > 1


def module_of(op: Op) -> nn.Module | None:
    """Return the module whose `forward` made the call, or None if it is unknown."""
    return op.origin.module if op.origin else None


def class_dim(scores: Tensor) -> int:
    """Return the class dimension of scores or soft targets of shape (C,), (N, C) or (N, C, …)."""
    return 1 if scores.ndim > 1 else 0


def ignored_class(call: LossCall) -> int:
    """Return the class index that the loss ignores (`ignore_index`)."""
    return int(call.op.kwargs.get("ignore_index", -100))


def setting(call: LossCall, name: str) -> Any:
    """Return a keyword argument of the loss function by its name; None if it was not passed."""
    return call.op.kwargs.get(name)
