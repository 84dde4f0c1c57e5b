"""How the parameters are connected to the loss: which are used and trained, and whether the loss rewards errors.

All facts are read from one recorded step, so no training run is needed. It shows parameters that no optimizer holds,
values that are detached from the graph, operands that broadcast by mistake, a loss that rewards errors, and its
penalties.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from descend.doctor.measure.default_initialisation import has_default_initialisation
from descend.doctor.measure.linearity import linear_layers
from descend.doctor.measure.loss_call import ROOTS, LossCall, loss_call
from descend.doctor.measure.loss_terms import terms
from descend.doctor.measure.replay import run_with_graph
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.record.task import Task
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import SMOOTH
from descend.doctor.tape.vocabulary import BROADCASTING, DIFFERENCES

LISTED = 20  # largest number of names that a fact lists
CLOSE = 0.5  # A copy differs from the original by at most this share of its norm. Two random tensors differ by 1.4.
SAME_WEIGHT = 1.001  # Examples have equal weights if the largest slope is at most this multiple of the smallest slope.


def connections(snapshot: Snapshot) -> Measurement:
    """Yield which parameters the first recorded loss uses, which are trained, and whether the loss rewards errors."""
    recording = snapshot.recordings()[0]
    seen = _Replay(recording)
    used = list(recording.parameters.values())
    matrices = [p for p in used if p.ndim > 1]
    reached = [p for slot, p in recording.parameters.items() if slot not in seen.cut]
    untrained = [p for p in reached if p.requires_grad and not snapshot.is_held(p)]
    trained = [p for p in used if p.requires_grad]
    frozen = [p for p in used if not p.requires_grad and isinstance(p, nn.Parameter) and not _is_copy(p, trained)]
    cut = [
        p for slot, p in recording.parameters.items() if slot in seen.cut and p.requires_grad and snapshot.is_held(p)
    ]
    names = {id(p): snapshot.names.get(id(p), "") for p in used}
    found = facts.Connections(
        used=sum(p.numel() for p in used),
        held=sum(p.numel() for p in used if p.requires_grad and snapshot.is_held(p)),
        matrices=len(matrices),
        **_describe_parameters("untrained", untrained, names),
        output_untrained=_last_weight_matrix(recording) in {id(p) for p in untrained},
        **_describe_parameters("frozen", frozen, names),
        **_describe_parameters("cut", cut, names),
        cut_on_purpose=all(not op.state.grad for op in recording.ops if seen.cut.intersection(op.inputs)),
        unregistered=sum(not names[id(p)] for p in used if isinstance(p, nn.Parameter)),
        slope=seen.slope,
        share=seen.share,
        broadcast=seen.broadcast,
        linear_layers=0 if seen.call is None else linear_layers(recording, seen.call),
    )
    _note_sites(snapshot, recording, seen)
    yield Fact.of(found, snapshot.step)


def _last_weight_matrix(recording: Recording) -> int | None:
    """Return the id of the weight matrix that the network uses last; None if it uses that matrix several times.

    A network that compares outputs and targets uses the matrix twice, and may leave it untrained on purpose.
    """
    matrices = {slot: p for slot, p in recording.parameters.items() if p.ndim > 1}
    used = [id(matrices[s]) for op in recording.ops for s in op.inputs if s in matrices]
    return used[-1] if used and used.count(used[-1]) == 1 else None


def _is_copy(parameter: Tensor, trained: Sequence[Tensor]) -> bool:
    """Return whether a frozen parameter is close to a trained one, as in a target network that follows the training."""
    alike = [p for p in trained if p.shape == parameter.shape and p.device == parameter.device]
    return any(bool((p - parameter).norm() <= CLOSE * p.norm()) for p in alike)


def _describe_parameters(kind: str, parameters: Sequence[Tensor], names: dict[int, str]) -> dict[str, Any]:
    """Return names, number, share with default initialisation and total size of some parameters, by field name."""
    matrices = [p for p in parameters if p.ndim > 1]
    return {
        kind: tuple(names[id(p)] or "(unregistered)" for p in parameters[:LISTED]),
        f"{kind}_count": len(parameters),
        f"{kind}_share_fresh": sum(map(has_default_initialisation, matrices)) / max(1, len(matrices)),
        f"{kind}_numel": sum(p.numel() for p in parameters),
    }


def _shares_memory(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors share their memory, like a tensor and its detached version."""
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


class _Replay:
    """A replay of one recording with its autograd graph, and the calls that were noted during the replay."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.call = recording, loss_call(recording)
        self.broadcast: facts.Broadcast | None = None
        self.mixed: Op | None = None  # the call whose operands are broadcast by mistake
        self._made: Tensor | None = None  # the result of the loss call, with its graph
        fed = recording.input_slot
        self._examples = 0 if fed is None else recording.sizes[fed]
        self._scores: Tensor | None = None  # log-probabilities that are not passed to a loss call
        root, theta = run_with_graph(recording, self._note_calls)
        self.slope, self.share = self._slope_sign(root)
        leaves = list(theta.items())
        gradients = torch.autograd.grad(root, [p for _, p in leaves], allow_unused=True) if root.requires_grad else []
        self.cut = {slot for (slot, _), g in zip(leaves, gradients) if g is None}

    def _note_calls(self, op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """During the replay, store the loss call's result, log-probabilities, and operands that are broadcast."""
        if self.call is not None and op is self.call.op:
            self._made = result
            if self.call.task == Task.REAL:
                left, right = args[:2] if self.call.by_hand else self.call.pair(args, kwargs)
                self._check_shapes(op, left, right)
        elif op.name == "log_softmax" and isinstance(result, Tensor):
            self._scores = result
        elif self.call is None and op.name in BROADCASTING and SMOOTH in op.dependences and len(op.inputs) == 2:
            self._check_shapes(op, args[0], args[1])

    def _check_shapes(self, op: Op, a: Any, b: Any) -> None:
        """Store the shapes of operands like (N,) and (N, 1), of which broadcasting combines all pairs of values."""
        if self.broadcast is not None or not (isinstance(a, Tensor) and isinstance(b, Tensor)):
            return
        if op.name not in DIFFERENCES and self.call is None and a.numel() != self._examples:
            return  # Without a known prediction and target, the script may intend to combine all pairs of values.
        if not a.numel() == b.numel() > 1 or a.squeeze().shape != b.squeeze().shape or a.shape == b.shape:
            return
        made, by_hand = torch.broadcast_shapes(a.shape, b.shape), op.name in BROADCASTING
        if made.numel() <= a.numel() or (by_hand and (a.requires_grad == b.requires_grad or _shares_memory(a, b))):
            return  # The script may intend to compare two predictions pairwise.
        prediction_left = not by_hand or a.requires_grad
        self.broadcast = facts.Broadcast(
            prediction=tuple((a if prediction_left else b).shape),
            target=tuple((b if prediction_left else a).shape),
            result=tuple(made),
            operand="right" if prediction_left else "left",
            by_hand=by_hand,
        )
        self.mixed = op

    def _slope_sign_of_expression(self, root: Tensor, made: Tensor) -> float:
        """Return 1 if a step shrinks the errors or raises the log-probabilities, −1 for the opposite, 0 if unknown."""
        slope = _gradient_of_loss(root, made)
        if slope is None or self.call is None:
            return 0.0
        return _common_sign(slope * made if self.call.task == Task.REAL else -slope)

    def _slope_sign(self, root: Tensor) -> tuple[float, float]:
        """Return the sign of the loss's slope in the errors (0 if unknown), and the loss call's share of the loss.

        The sign is 0 if unknown, since a loss without a loss call may be a cost or a gain. Without a loss call, a loss
        that increases with log-probabilities rewards errors.
        """
        if self.call is not None and self.call.by_hand and self._made is not None and self._made.requires_grad:
            return self._slope_sign_of_expression(root, self._made), 1.0
        if self._made is not None and self._made.requires_grad and self.call is not None:
            slope = _gradient_of_loss(root, self._made)
            total, part = float(root.detach()), float((slope * self._made).detach().sum()) if slope is not None else 0.0
            return 0.0 if slope is None else _common_sign(slope), part / total if total else 1.0
        if self._scores is not None and self._scores.requires_grad:
            slope = _gradient_of_loss(root, self._scores)
            moved = slope[slope != 0] if slope is not None else torch.zeros(0)
            if len(moved) and bool((moved > 0).all()) and float(moved.max()) < SAME_WEIGHT * float(moved.min()):
                # All examples have the same weight; a policy gradient would weight them by their rewards.
                return -1.0, 1.0
        return 0.0, 1.0


def _common_sign(slope: Tensor) -> float:
    """Return the common sign of all slopes, or 0 if the signs differ, as with positive and negative rewards."""
    signs = slope.detach().sign()
    least, most = float(signs.min()), float(signs.max())
    return 0.0 if least < 0 < most else least or most


def _gradient_of_loss(root: Tensor, made: Tensor) -> Tensor | None:
    """Return the gradient of the loss with respect to an intermediate value."""
    return torch.autograd.grad(root, made, torch.ones_like(root), retain_graph=True, allow_unused=True)[0]


def _note_sites(snapshot: Snapshot, recording: Recording, seen: _Replay) -> None:
    """Record the source lines of detach calls, wrongly broadcast differences, sums over the batch, and penalties."""
    sites = {SiteKind.DETACH: [op for op in recording.ops if op.name == "detach" and SMOOTH in op.dependences]}
    sites[SiteKind.DIFFERENCE] = [seen.mixed] if seen.mixed is not None and seen.mixed.name in BROADCASTING else []
    sites[SiteKind.REDUCTION] = list(_find_batch_sum(recording, seen.call))
    sites[SiteKind.PENALTY] = list(_find_penalty(recording))
    for kind, ops in sites.items():
        for i, op in enumerate(ops):
            snapshot.note_site(kind, str(i), op.site, op.name)


def _find_batch_sum(recording: Recording, call: LossCall | None) -> Iterator[Op]:
    """Yield the last call of `sum` in a loss that is written as an expression without a root."""
    if call is not None and call.by_hand:
        after = recording.ops[recording.ops.index(call.op) :]
        # Under a root, the gradient does not grow in proportion to the number of examples.
        is_rooted = any(op.name in ROOTS for op in after)
        yield from [] if is_rooted else [op for op in after if op.name == "sum"][-1:]


def _find_penalty(recording: Recording) -> Iterator[Op]:
    """Yield the call that computes a term of the loss without the inputs, such as a weight penalty; at most one."""
    fed = recording.input_slot
    for term in terms(recording):
        is_added = term.op is not None and term.dependence == SMOOTH and term.slot != recording.root
        if is_added and fed is not None and fed not in recording.upstream_slots(term.slot):
            assert term.op is not None
            yield term.op
            return
