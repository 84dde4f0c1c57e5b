"""Which call computes the loss, what it is fed, and what activation made that.

A loss is a function of torch.nn.functional, or what people write instead of one:

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

_SCALES = frozenset("mean sum neg mul div add nanmean".split())  # between the errors and the loss
_SQUARES: frozenset[str] = frozenset({"pow", "square", "mul"})
_NORMS = frozenset({"norm", "linalg_norm", "linalg_vector_norm"})
ROOTS = _NORMS | {"sqrt"}  # least where what is under them is
EUCLIDEAN = (2, None, "fro")
SQUARE = 2
_SUMS = _SCALES | {"sub"}
_KEPT_OFF_ZERO = RESHAPES | CLAMPS | {"add"}  # as people keep what goes into a logarithm
_PICKS = frozenset({"__getitem__", "gather"})  # of each example's own class
Made = Mapping[int, Op]  # slot -> the call that made it


@dataclass(frozen=True)
class LossCall:
    """The one loss call of a recording."""

    op: Op
    function: str  # its name in torch.nn.functional, or that of the function it stands for
    prediction: int  # slots
    target: int
    activation: Op | None  # the call that produced the prediction, where it is an activation
    of_logarithm: bool = False  # whether the call is given the prediction's logarithm,
    negated: bool = False  # and minus the target

    @property
    def task(self) -> str:
        """`classes`, `binary` or `real`."""
        return task_of(self.function)

    @property
    def by_hand(self) -> bool:
        """Whether it is written out."""
        return self.op.name not in LOSSES

    def pair(self, args: tuple, kwargs: dict) -> tuple[Tensor, Tensor]:
        """Return prediction and target among the call's arguments."""
        tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        prediction = tensors[self.op.inputs.index(self.prediction)]
        prediction = prediction.exp() if self.of_logarithm else prediction
        target = tensors[self.op.inputs.index(self.target)]
        target = -target if self.negated else target
        return prediction, target.reshape(-1) if self.op.name == "gather" else target


def task_of(function: str) -> str:
    """Return what the targets of a loss function are: `classes`, `binary` or `real`. Raises `ValueError` for others."""
    for task, names in (("classes", CLASS_LOSSES), ("binary", BINARY_LOSSES), ("real", REAL_LOSSES)):
        if function in names:
            return task
    raise ValueError(function)


def loss_call(recording: Recording) -> LossCall | None:
    """Return the loss call of a recording; None when there is none, or several (the task cannot be told)."""
    ops = list(recording.ops)
    calls = [op for op in ops if op.name in LOSSES]
    if calls:
        return _named(ops, calls[0]) if len(calls) == 1 else None
    return next((found for form in (_difference, _picked, _weighted) if (found := form(ops, recording.root))), None)


def _named(ops: list[Op], call: Op) -> LossCall | None:
    given = [*call.args[:2], *(call.kwargs[name] for name in ("input", "target") if name in call.kwargs)]
    slots = [value.index for value in given if isinstance(value, Slot)]
    if len(slots) < 2:
        return None
    before, taints = ops[: ops.index(call)], dict(zip(call.inputs, call.taints))
    exchanged = (
        taint_behind(before, slots[0], taints[slots[0]]) == NONE != taint_behind(before, slots[1], taints[slots[1]])
    )
    prediction, target = slots[1::-1] if exchanged and call.name in REAL_LOSSES else slots[:2]
    return _call(ops, call, call.name, prediction, target)


def _difference(ops: list[Op], root: int) -> LossCall | None:
    """Return the errors whose squares or absolute values are averaged into the loss; None where there are several."""
    found = []
    for i, op in enumerate(ops):
        if op.name not in DIFFERENCES or len(op.inputs) != 2:
            continue
        taints = [taint_behind(ops[:i], slot, taint) for slot, taint in zip(op.inputs, op.taints)]
        function = _averaged(ops[i + 1 :], op.outputs[0], root) if sorted(taints) == [NONE, SMOOTH] else ""
        if function:
            prediction, target = op.inputs if taints[0] == SMOOTH else op.inputs[::-1]
            found.append(_call(ops, op, function, prediction, target))
    return found[0] if len(found) == 1 else None


def taint_behind(ops: Sequence[Op], slot: int, taint: int) -> int:
    """Return how a slot depends on the parameters by its values: `y.view_as(prediction)` depends by its shape alone."""
    for op in reversed(ops):
        if slot in op.outputs:
            if op.name not in RESHAPES or not op.inputs:
                break
            slot, taint = op.inputs[0], op.taints[0]
    return taint


def _averaged(ops: Sequence[Op], errors: int | None, root: int) -> str:
    """Return what the errors become on their way to the root: "" where that is no plain mean."""
    way = _way(ops, errors, root, _SCALES | _SQUARES | ROOTS | {"abs"})
    names = {op.name for op in way}
    if any(op.name == "pow" and (len(op.args) < 2 or op.args[1] != SQUARE) for op in way):
        return ""
    if any(op.name in _NORMS and _order(op) not in EUCLIDEAN for op in way):
        return ""
    squared = names & {"pow", "square", *_NORMS} or any(op.name == "mul" and len(op.inputs) == 2 for op in way)
    if "sqrt" in names and not squared:
        return ""
    return "mse_loss" if squared else "l1_loss" if "abs" in names else ""


def _order(norm: Op) -> Any:
    given = [*norm.args[1:2], *(norm.kwargs[name] for name in ("p", "ord") if name in norm.kwargs)]
    return given[0] if given else None


def _way(ops: Sequence[Op], start: int | None, root: int, allowed: frozenset[str]) -> list[Op]:
    """Return the calls from `start` to the loss; none where any of them is no average of one thing (or a sum)."""
    reached: set[int | None] = {start}
    way = []
    for op in ops:
        if not reached.intersection(op.inputs):
            continue
        if op.name not in allowed | RESHAPES or len(set(op.inputs)) > 1 and op.name not in ("add", "sub"):
            return []
        way.append(op)
        reached.update(op.outputs)
    return way if root in reached else []


def _picked(ops: list[Op], root: int) -> LossCall | None:
    """Return the picking of each example's own class out of its log-probabilities."""
    smooth = {slot for op in ops if op.name == "log_softmax" for slot in op.outputs}
    for i, op in enumerate(ops):
        is_pick = op.name in _PICKS and op.inputs[0] in smooth and len(op.inputs) > 1 and op.taints[-1] == NONE
        if is_pick and _way(ops[i + 1 :], op.outputs[0], root, _SCALES):
            return _call(ops, op, "nll_loss", op.inputs[0], op.inputs[-1])
    return None


def _weighted(ops: list[Op], root: int) -> LossCall | None:
    """Return the product of targets and logarithms that is averaged into the loss; None where it is another sum."""
    made = {slot: op for op in ops for slot in op.outputs if slot is not None}
    products = [product for i in range(len(ops)) if (product := _product(ops, i, root, made)) is not None]
    yes = [product for product in products if not product.is_of_complement]
    no = [product for product in products if product.is_of_complement]
    if len(yes) != 1 or len(no) > 1 or any(product.behind != yes[0].behind for product in no):
        return None
    of = yes[0]
    activation = activation_behind(ops, of.behind)
    if no and _complement(made, no[0].target) == of.target:
        found = LossCall(of.op, "binary_cross_entropy", of.logarithm, of.given, activation, of_logarithm=True)
    elif not no and activation is not None and activation.name in SOFTMAXES:
        found = LossCall(of.op, "nll_loss", of.logarithm, of.given, None)
    else:
        return None
    return replace(found, negated=of.given in made and made[of.given].name in NEGATIONS)


@dataclass(frozen=True)
class _Product:
    """Data times the logarithm of a prediction, or of one minus it."""

    op: Op
    logarithm: int  # slots
    given: int
    target: int  # what it is given, its arrangement aside
    behind: int  # the prediction
    is_of_complement: bool


def _product(ops: list[Op], i: int, root: int, made: Made) -> _Product | None:
    op = ops[i]
    if op.name not in PRODUCTS or sorted(op.taints) != [NONE, SMOOTH]:
        return None
    data, smooth = op.inputs if op.taints[0] == NONE else op.inputs[::-1]
    log = made.get(_source(made, smooth, NEGATIONS | RESHAPES))
    if log is None or log.name not in ("log", "log_softmax") or not _way(ops[i + 1 :], op.outputs[0], root, _SUMS):
        return None
    behind = smooth if log.name == "log_softmax" else _source(made, log.inputs[0])
    complement = _complement(made, behind)
    target = _source(made, data, NEGATIONS | RESHAPES)
    is_of_complement = complement is not None
    return _Product(op, smooth, data, target, behind if complement is None else complement, is_of_complement)


def _complement(made: Made, slot: int) -> int | None:
    """Return the slot that is taken from 1 to make this one."""
    op = made.get(slot)
    is_difference = op is not None and op.name in DIFFERENCES and len(op.inputs) == 1 and 1 in op.args
    return _source(made, op.inputs[0]) if op is not None and is_difference else None


def _source(made: Made, slot: int, through: frozenset[str] = _KEPT_OFF_ZERO) -> int:
    """Return the slot that this one is made of by such calls alone, each of one tensor."""
    while (op := made.get(slot)) is not None and op.name in through and len(op.inputs) == 1 and slot != op.inputs[0]:
        slot = op.inputs[0]
    return slot


def _call(ops: list[Op], op: Op, function: str, prediction: int, target: int) -> LossCall:
    return LossCall(op, function, prediction, target, activation_behind(ops[: ops.index(op)], prediction))


def activation_behind(ops: Sequence[Op], slot: int) -> Op | None:
    """Return the call that made `slot`, if an activation; those that reshape, or keep it in bounds, are passed by."""
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
    """Whether it is clamp(x, least, most), as people keep probabilities off 0 and 1."""
    bounds = [*op.args[1:], *op.kwargs.values()]
    return op.name in CLAMPS and sum(bound is not None for bound in bounds) > 1


def module_of(op: Op) -> nn.Module | None:
    """Return the module whose forward made the call."""
    return op.origin.module if op.origin else None


def class_dim(scores: Tensor) -> int:
    """Return the dimension of the scores, or of soft targets, that the classes lie along: (C,), (N, C), (N, C, …)."""
    return 1 if scores.ndim > 1 else 0


def ignored_class(call: LossCall) -> int:
    """Return the target that the loss leaves out."""
    return int(call.op.kwargs.get("ignore_index", -100))


def setting(call: LossCall, name: str) -> Any:
    """Return one of the loss function's own settings, given by its name; None where it was not."""
    return call.op.kwargs.get(name)
