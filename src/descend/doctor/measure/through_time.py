"""The share of a recurrent layer's gradient that reaches the start of the sequence."""

from math import inf
from typing import Any

import torch
from torch import Tensor

from descend.doctor.measure.loss_call import module_of
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Fact, Reading, facts
from descend.doctor.tape import Op, StaleData
from descend.doctor.tape.vocabulary import RECURRENT

SHORTEST = 10  # smallest number of time steps for this measurement
# number of arguments of torch.lstm and torch.gru for padded sequences, and positions of three arguments
PADDED, BIAS, BIDIRECTIONAL, BATCH_FIRST = 9, 3, 7, 8


def through_time(snapshot: Snapshot) -> Measurement:
    """Yield, for each recurrent layer, the gradient norm at time 0 divided by the largest norm at any time."""
    recording = snapshot.recordings()[0]
    if not any(op.name in RECURRENT for op in recording.ops):
        return
    calls: list[tuple[Op, tuple, tuple[Tensor, ...]]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the calls of one-directional recurrent layers on padded sequences."""
        is_padded = op.name in RECURRENT and len(args) == PADDED and isinstance(args[BIAS], bool)
        if is_padded and not args[BIDIRECTIONAL]:
            calls.append((op, args, tuple(part for part in result if part.requires_grad)))

    theta = {s: p.detach().requires_grad_(p.is_floating_point()) for s, p in recording.parameters.items()}
    try:
        with torch.enable_grad():
            loss = recording.run(theta, watch=watch)
            for op, args, result in calls:
                yield from _gradient_over_time(
                    snapshot, op, args, torch.autograd.grad(loss, result, retain_graph=True, allow_unused=True)
                )
    except StaleData as stale:
        raise Unavailable(str(stale)) from None


def _gradient_over_time(snapshot: Snapshot, op: Op, args: tuple, gradients: tuple[Tensor | None, ...]) -> Measurement:
    """Yield one recurrent call's number of time steps, and the ratio of its gradient norms: time 0 to the largest."""
    x = args[0].detach().requires_grad_()
    known = [(part, g) for part, g in zip(op.func(x, *args[1:]), gradients) if g is not None]
    time = 1 if x.ndim == 3 and args[BATCH_FIRST] else 0
    if x.shape[time] < SHORTEST or not known:
        return
    (gradient,) = torch.autograd.grad([part for part, _ in known], x, [g for _, g in known])
    norms = gradient.movedim(time, 0).flatten(1).double().norm(dim=1)
    module = module_of(op)
    place = snapshot.modules(module) if module is not None else op.name
    yield Fact.of(facts.Recurrent(op.name, len(norms)), snapshot.step, place)
    if 0 < float(norms.max()) < inf:
        yield Reading("through_time", place, snapshot.step, float(norms[0] / norms.max()))
