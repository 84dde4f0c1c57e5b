"""Calls inside the network that pass on little of the gradient, so that earlier layers receive almost no signal."""

from typing import Any

import torch
from torch import Tensor

from descend.doctor.measure.replay import run_with_graph
from descend.doctor.measure.snapshot import Measurement, Snapshot, activation_site
from descend.doctor.record import Fact, Site, SiteKind, facts
from descend.doctor.tape import Op
from descend.doctor.tape.call import SMOOTH
from descend.doctor.tape.vocabulary import ADDITIONS, NEGATIONS, PRODUCTS, QUOTIENTS, RESHAPES

# A call that passes on less than this share of the gradient norm blocks it; a ReLU keeps 0.7 (He et al. 2015, §2.2).
LITTLE = 0.5
MOST = 4
ARITHMETIC = ADDITIONS | PRODUCTS | QUOTIENTS | NEGATIONS | RESHAPES


def gradient_blocking(snapshot: Snapshot) -> Measurement:
    """Yield the calls of the first recorded step that pass on little of the gradient, the smallest share first.

    Only calls that have no parameters and keep the shape are reported, because the network works without them.
    """
    recording = snapshot.recordings()[0]
    seen: list[tuple[Op, Tensor, Tensor]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the input and the output of a call whose output has the shape of its input."""
        given = args[0] if args and isinstance(args[0], Tensor) else kwargs.get("input")
        if SMOOTH not in op.dependences[:1] or op.name in ARITHMETIC or recording.parameters.keys() & set(op.inputs):
            return
        if isinstance(given, Tensor) and isinstance(result, Tensor) and result.shape == given.shape:
            if given.requires_grad and not op.written:
                seen.append((op, given, result))

    root, _ = run_with_graph(recording, watch)
    if not seen or not root.requires_grad:
        return
    tensors = [tensor for _, given, result in seen for tensor in (given, result)]
    wanted = [tensor for tensor in tensors if tensor.requires_grad]
    found = torch.autograd.grad(root, wanted, torch.ones_like(root), allow_unused=True)
    norms = {id(t): 0.0 if g is None else float(g.double().norm()) for t, g in zip(wanted, found)}
    passed = [(op, norms[id(given)] / out) for op, given, r in seen if (out := norms.get(id(r), 1.0)) > 0]
    yield from _strongest_blocks(snapshot, passed)


def _strongest_blocks(snapshot: Snapshot, passed: list[tuple[Op, float]]) -> Measurement:
    """Yield a fact for each call in `passed` that passes on little of the gradient norm, the smallest share first."""
    known: dict[Any, tuple[float, Site, str]] = {}
    for op, share in sorted(passed, key=lambda each: each[1]):
        site, name = activation_site(snapshot, op)
        if site is not None and share < LITTLE:
            at = (site.file, site.line, site.column, site.end_column)
            known.setdefault(at, (share, site, name.rstrip("_")))
    for place, (share, site, name) in enumerate([*known.values()][:MOST]):
        snapshot.note_site(SiteKind.ON_NETWORK, str(place), site, name)
        call = facts.OnNetwork(function=name, line=site.line, passes=share, edit="skip")
        yield Fact.of(call, snapshot.step, str(place))
