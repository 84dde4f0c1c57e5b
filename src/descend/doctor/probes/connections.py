"""How the parts hang together: what the loss depends on, which of it learns, and which way the loss leads.

Read off one recorded step, so that it needs no run: a parameter in use that nobody trains, a value cut from its
graph, operands that broadcast by mistake, a loss that rewards errors, and how much of it is penalty.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from descend.doctor.probes.feeding import run_followed
from descend.doctor.probes.fresh import is_fresh
from descend.doctor.probes.linearity import linear_layers
from descend.doctor.probes.loss_call import ROOTS, LossCall, loss_call
from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.probes.terms import terms
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import SMOOTH
from descend.doctor.tape.vocabulary import DIFFERENCES, PAIRED

LISTED = 20
SAME_WEIGHT = 1.001


def connections(snapshot: Snapshot) -> Measurement:
    """Yield the fact `connections` of the first recorded step."""
    recording = snapshot.recordings()[0]
    seen = _Replay(recording)
    used = list(recording.parameters.values())
    matrices = [p for p in used if p.ndim > 1]
    reached = [p for slot, p in recording.parameters.items() if slot not in seen.cut]
    untrained = [p for p in reached if p.requires_grad and not snapshot.is_held(p)]
    frozen = [p for p in used if not p.requires_grad and isinstance(p, nn.Parameter)]
    cut = [
        p for slot, p in recording.parameters.items() if slot in seen.cut and p.requires_grad and snapshot.is_held(p)
    ]
    names = {id(p): snapshot.names.get(id(p), "") for p in used}
    found = facts.Connections(
        used=sum(p.numel() for p in used),
        held=sum(p.numel() for p in used if p.requires_grad and snapshot.is_held(p)),
        matrices=len(matrices),
        **_listed("untrained", untrained, names),
        output_untrained=_output(recording) in {id(p) for p in untrained},
        **_listed("frozen", frozen, names),
        **_listed("cut", cut, names),
        cut_on_purpose=all(not op.state.grad for op in recording.ops if seen.cut.intersection(op.inputs)),
        unregistered=sum(not names[id(p)] for p in used if isinstance(p, nn.Parameter)),
        slope=seen.slope,
        share=seen.share,
        broadcast=seen.broadcast,
        linear_layers=0 if seen.call is None else linear_layers(recording, seen.call),
    )
    _note_sites(snapshot, recording, seen)
    yield Fact.of(found, snapshot.step)


def _output(recording: Recording) -> int | None:
    """Return the id of the weight matrix that is used last; None where it is used again, as of a network that compares.

    What judges outputs and targets alike is trained by nobody on purpose.
    """
    matrices = {slot: p for slot, p in recording.parameters.items() if p.ndim > 1}
    used = [id(matrices[s]) for op in recording.ops for s in op.inputs if s in matrices]
    return used[-1] if used and used.count(used[-1]) == 1 else None


def _listed(kind: str, parameters: Sequence[Tensor], names: dict[int, str]) -> dict[str, Any]:
    matrices = [p for p in parameters if p.ndim > 1]
    return {
        kind: tuple(names[id(p)] or "(unregistered)" for p in parameters[:LISTED]),
        f"{kind}_count": len(parameters),
        f"{kind}_share_fresh": sum(map(is_fresh, matrices)) / max(1, len(matrices)),
        f"{kind}_numel": sum(p.numel() for p in parameters),
    }


def _is_same(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are views of the same values, as one is of what it was detached from."""
    return a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


class _Replay:
    """One recording computed again with its graph."""

    def __init__(self, recording: Recording) -> None:
        self.recording, self.call = recording, loss_call(recording)
        self.broadcast: facts.Broadcast | None = None
        self.mixed: Op | None = None  # the call whose operands broadcast
        self._made: Tensor | None = None  # what the loss call gives
        fed = recording.input_slot
        self._examples = 0 if fed is None else recording.sizes[fed]
        self._scores: Tensor | None = None  # log-probabilities that no loss call was seen to take
        root, theta = run_followed(recording, self._watch)
        self.slope, self.share = self._lead(root)
        leaves = list(theta.items())
        gradients = torch.autograd.grad(root, [p for _, p in leaves], allow_unused=True) if root.requires_grad else []
        self.cut = {slot for (slot, _), g in zip(leaves, gradients) if g is None}

    def _watch(self, op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if self.call is not None and op is self.call.op:
            self._made = result
            if self.call.task == "real":
                left, right = args[:2] if self.call.by_hand else self.call.pair(args, kwargs)
                self._compare(op, left, right)
        elif op.name == "log_softmax" and isinstance(result, Tensor):
            self._scores = result
        elif self.call is None and op.name in PAIRED and SMOOTH in op.taints and len(op.inputs) == 2:
            self._compare(op, args[0], args[1])

    def _compare(self, op: Op, a: Any, b: Any) -> None:
        """Note operands (N,) and (N, 1): their difference is (N, N), every prediction with every target."""
        if self.broadcast is not None or not (isinstance(a, Tensor) and isinstance(b, Tensor)):
            return
        if op.name not in DIFFERENCES and self.call is None and a.numel() != self._examples:
            return  # factors of other things may be meant to make a table
        if not a.numel() == b.numel() > 1 or a.squeeze().shape != b.squeeze().shape or a.shape == b.shape:
            return
        made, by_hand = torch.broadcast_shapes(a.shape, b.shape), op.name in PAIRED
        if made.numel() <= a.numel() or (by_hand and (a.requires_grad == b.requires_grad or _is_same(a, b))):
            return  # two predictions may be meant to be compared, each with each
        prediction_left = not by_hand or a.requires_grad
        self.broadcast = facts.Broadcast(
            prediction=tuple((a if prediction_left else b).shape),
            target=tuple((b if prediction_left else a).shape),
            result=tuple(made),
            operand="right" if prediction_left else "left",
            by_hand=by_hand,
        )
        self.mixed = op

    def _lead_by_hand(self, root: Tensor, made: Tensor) -> float:
        """Return 1 where errors must shrink or the picked log-probabilities grow, -1 for the opposite, 0 if unknown."""
        slope = _slope(root, made)
        if slope is None or self.call is None:
            return 0.0
        return _common_sign(slope * made if self.call.task == "real" else -slope)

    def _lead(self, root: Tensor) -> tuple[float, float]:
        """Return the sign of the loss's slope along its own loss call (-1: it rewards errors), and that call's share.

        The sign is 0 where it is unknown: a loss that no loss call measures may be a cost, or a gain to be maximised.
        Without a loss call, log-probabilities that the loss grows with show that it rewards errors.
        """
        if self.call is not None and self.call.by_hand and self._made is not None and self._made.requires_grad:
            return self._lead_by_hand(root, self._made), 1.0
        if self._made is not None and self._made.requires_grad and self.call is not None:
            slope = _slope(root, self._made)
            total, part = float(root.detach()), float((slope * self._made).detach().sum()) if slope is not None else 0.0
            return 0.0 if slope is None else _common_sign(slope), part / total if total else 1.0
        if self._scores is not None and self._scores.requires_grad:
            slope = _slope(root, self._scores)
            moved = slope[slope != 0] if slope is not None else torch.zeros(0)
            if len(moved) and bool((moved > 0).all()) and float(moved.max()) < SAME_WEIGHT * float(moved.min()):
                return -1.0, 1.0  # every example alike: a policy's gradient weighs them by what they earned
        return 0.0, 1.0


def _common_sign(slope: Tensor) -> float:
    """Return the sign of all slopes; 0 where examples differ, as where a reward of either sign weighs them."""
    signs = slope.detach().sign()
    least, most = float(signs.min()), float(signs.max())
    return 0.0 if least < 0 < most else least or most


def _slope(root: Tensor, made: Tensor) -> Tensor | None:
    return torch.autograd.grad(root, made, torch.ones_like(root), retain_graph=True, allow_unused=True)[0]


def _note_sites(snapshot: Snapshot, recording: Recording, seen: _Replay) -> None:
    sites = {"detach": [op for op in recording.ops if op.name == "detach" and SMOOTH in op.taints]}
    sites["difference"] = [seen.mixed] if seen.mixed is not None and seen.mixed.name in PAIRED else []
    sites["reduction"] = list(_sums(recording, seen.call))
    sites["penalty"] = list(_penalties(recording))
    for kind, ops in sites.items():
        for i, op in enumerate(ops):
            snapshot.note_site(kind, str(i), op.site, op.name)


def _sums(recording: Recording, call: LossCall | None) -> Iterator[Op]:
    """Yield the sum over the examples that makes the loss, where it is written out."""
    if call is not None and call.by_hand:
        after = recording.ops[recording.ops.index(call.op) :]
        is_rooted = any(op.name in ROOTS for op in after)  # the step then does not grow as the sum does
        yield from [] if is_rooted else [op for op in after if op.name == "sum"][-1:]


def _penalties(recording: Recording) -> Iterator[Op]:
    """Yield what is added to the loss and made of parameters alone."""
    fed = recording.input_slot
    for term in terms(recording):
        is_added = term.op is not None and term.taint == SMOOTH and term.slot != recording.root
        if is_added and fed is not None and fed not in recording.behind(term.slot):
            assert term.op is not None
            yield term.op
            return
