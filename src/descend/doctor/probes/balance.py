"""How hard each term of the loss pulls at the weights: one whose gradient is far smaller than another's is not heard.

loss = reconstruction + 0.001 * divergence      # |∇reconstruction| = 0.8, |∇(0.001 · divergence)| = 0.0004
"""

from itertools import pairwise
from math import inf
from typing import Any, NamedTuple

import torch
from torch import Tensor

from descend.doctor.probes.feeding import run_followed
from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import SMOOTH
from descend.doctor.tape.vocabulary import ADDITIONS, NEGATIONS, RESHAPES

FAR = 10.0  # an order of magnitude
MOST = 3  # terms on either side of the widest gap
PASSED = NEGATIONS | RESHAPES | {"mean", "sum"}
REVERSED = frozenset({"__radd__", "__rsub__", "rsub"})  # what they are called on stands on the right


class Term(NamedTuple):
    """What is added to something: its slot, the sum that it stands in, and on which side of it, 0 or 1."""

    slot: int
    sum: Op | None
    side: int


def balance(snapshot: Snapshot) -> Measurement:
    """Yield a fact `loss_term` for each term on either side of the widest gap between the terms' gradients.

    Of the first recorded step, where that gap is wider than `FAR`. factor: what takes the term across the gap.
    """
    recording = snapshot.recordings()[0]
    made = {slot: op for op in recording.ops for slot in op.outputs if slot is not None}
    values: dict[int, Tensor] = {}

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        if isinstance(result, Tensor) and len(op.outputs) == 1 and op.outputs[0] is not None:
            values[op.outputs[0]] = result

    root, theta = run_followed(recording, watch)
    terms = list(dict.fromkeys(_terms(recording, Term(recording.root, None, 0), made, values)))
    if len(terms) < 2 or not root.requires_grad:
        return
    pulls = [(_pull(root, values[term.slot], list(theta.values())), term) for term in terms]
    yield from _told(snapshot, sorted((each for each in pulls if 0 < each[0] < inf), key=lambda each: each[0]))


def _terms(recording: Recording, term: Term, made: dict[int, Op], values: dict[int, Tensor]) -> list[Term]:
    """Return what a number, or one for each example, is added up from, as far as it depends on the parameters."""
    op = made.get(term.slot)
    if op is None or op.written or term.slot not in values:
        return []
    own = [s for s, taint in zip(op.inputs, op.taints) if taint == SMOOTH]
    if op.name in ADDITIONS and len(own) == 2 and all(s in values and values[s].ndim <= 1 for s in own):
        sides = (1, 0) if op.name in REVERSED else (0, 1)
        each = [Term(s, op, side) for s, side in zip(own, sides)]
        return [inner for part in each for inner in _terms(recording, part, made, values)]
    if op.name in PASSED and len(own) == 1:
        within = _terms(recording, Term(own[0], term.sum, term.side), made, values)
        return within if len(within) > 1 else [term]
    return [term]


def _pull(root: Tensor, term: Tensor, theta: list[Tensor]) -> float:
    """Return the norm of the gradient that reaches the parameters through a term."""
    [arriving] = torch.autograd.grad(root, [term], retain_graph=True, allow_unused=True)
    if arriving is None:
        return 0.0
    found = torch.autograd.grad(term, theta, arriving, retain_graph=True, allow_unused=True)
    return float(torch.stack([g.double().norm() for g in found if g is not None] or [torch.zeros(())]).norm())


def _told(snapshot: Snapshot, known: list[tuple[float, Term]]) -> Measurement:
    gaps = [stronger[0] / weaker[0] for weaker, stronger in pairwise(known)]
    if not gaps or not FAR <= max(gaps) < inf:
        return
    across, gap = gaps.index(max(gaps)) + 1, max(gaps)
    sides = [(term, gap) for term in reversed(known[:across])][:MOST] + [(t, 1 / gap) for t in known[across:]][:MOST]
    for place, ((pull, term), factor) in enumerate(sides):
        site = None if term.sum is None else term.sum.site
        if site is not None:
            snapshot.note_site("loss_term", str(place), site, "sum")
            rounded = float(f"{factor:.2g}")
            said = facts.LossTerm(line=site.line, pull=pull, factor=rounded, side=term.side, edit="weigh")
            yield Fact.of(said, snapshot.step, str(place))
