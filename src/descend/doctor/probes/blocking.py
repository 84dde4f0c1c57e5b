"""Which calls within the network let little of the gradient pass: what stands before them hardly hears of the error."""

from typing import Any

import torch
from torch import Tensor

from descend.doctor.probes.feeding import run_followed
from descend.doctor.probes.snapshot import Measurement, Snapshot, chosen_at
from descend.doctor.record import Fact, Site, facts
from descend.doctor.tape import Op
from descend.doctor.tape.call import SMOOTH
from descend.doctor.tape.vocabulary import ADDITIONS, NEGATIONS, PRODUCTS, QUOTIENTS, RESHAPES

LITTLE = 0.5  # of the gradient's norm: a rectifier passes half of its variance, 0.7 of its norm (He et al. 2015, §2.2)
MOST = 4
ARITHMETIC = ADDITIONS | PRODUCTS | QUOTIENTS | NEGATIONS | RESHAPES


def blocking(snapshot: Snapshot) -> Measurement:
    """Yield the facts `on_network` of the first recorded step, the call that passes least first.

    Calls that have no parameters and leave the shape as it is: without one, the network is still a network.
    """
    recording = snapshot.recordings()[0]
    seen: list[tuple[Op, Tensor, Tensor]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        given = args[0] if args and isinstance(args[0], Tensor) else kwargs.get("input")
        if SMOOTH not in op.taints[:1] or op.name in ARITHMETIC or recording.parameters.keys() & set(op.inputs):
            return
        if isinstance(given, Tensor) and isinstance(result, Tensor) and result.shape == given.shape:
            if given.requires_grad and not op.written:
                seen.append((op, given, result))

    root, _ = run_followed(recording, watch)
    if not seen or not root.requires_grad:
        return
    tensors = [tensor for _, given, result in seen for tensor in (given, result)]
    wanted = [tensor for tensor in tensors if tensor.requires_grad]
    found = torch.autograd.grad(root, wanted, torch.ones_like(root), allow_unused=True)
    norms = {id(t): 0.0 if g is None else float(g.double().norm()) for t, g in zip(wanted, found)}
    passed = [(op, norms[id(given)] / out) for op, given, r in seen if (out := norms.get(id(r), 1.0)) > 0]
    yield from _least(snapshot, passed)


def _least(snapshot: Snapshot, passed: list[tuple[Op, float]]) -> Measurement:
    known: dict[Any, tuple[float, Site, str]] = {}
    for op, share in sorted(passed, key=lambda each: each[1]):
        site, name = chosen_at(snapshot, op)
        if site is not None and share < LITTLE:
            at = (site.file, site.line, site.column, site.end_column)
            known.setdefault(at, (share, site, name.rstrip("_")))
    for place, (share, site, name) in enumerate([*known.values()][:MOST]):
        snapshot.note_site("on_network", str(place), site, name)
        call = facts.OnNetwork(function=name, line=site.line, passes=share, edit="skip")
        yield Fact.of(call, snapshot.step, str(place))
