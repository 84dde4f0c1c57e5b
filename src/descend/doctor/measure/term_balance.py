"""The gradient norm of each term of the loss: a term with a far smaller gradient than the others has almost no effect.

loss = reconstruction + 0.001 * divergence      # |∇reconstruction| = 0.8, |∇(0.001 · divergence)| = 0.0004
"""

from itertools import pairwise
from math import inf
from typing import Any, NamedTuple

import torch
from torch import Tensor

from descend.doctor.measure.replay import run_with_graph
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.tape import Op, Recording
from descend.doctor.tape.call import SMOOTH
from descend.doctor.tape.vocabulary import ADDITIONS, NEGATIONS, RESHAPES

FAR = 10.0  # smallest ratio between the gradient norms on both sides of the widest gap that is reported
MOST = 3  # largest number of terms reported on each side of the widest gap
PASSED = NEGATIONS | RESHAPES | {"mean", "sum"}
REVERSED = frozenset({"__radd__", "__rsub__", "rsub"})  # The first argument of these operators is the right operand.


class Term(NamedTuple):
    """A term of the loss: id of its value, the call that adds it, and its position in that call's operands (0 or 1)."""

    slot: int
    sum: Op | None
    side: int


def term_balance(snapshot: Snapshot) -> Measurement:
    """Yield a fact `loss_term` for the terms on both sides of the widest gap between the terms' gradient norms.

    Only the first recorded step is used, and only a gap wider than `FAR`. Multiplied by
    `factor`, the term would be on the other side of the gap.
    """
    recording = snapshot.recordings()[0]
    made = {slot: op for op in recording.ops for slot in op.outputs if slot is not None}
    values: dict[int, Tensor] = {}

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the result of each call."""
        if isinstance(result, Tensor) and len(op.outputs) == 1 and op.outputs[0] is not None:
            values[op.outputs[0]] = result

    root, theta = run_with_graph(recording, watch)
    terms = list(dict.fromkeys(_trained_terms(recording, Term(recording.root, None, 0), made, values)))
    if len(terms) < 2 or not root.requires_grad:
        return
    norms = [(_gradient_norm(root, values[term.slot], list(theta.values())), term) for term in terms]
    yield from _term_facts(snapshot, sorted((each for each in norms if 0 < each[0] < inf), key=lambda each: each[0]))


def _trained_terms(recording: Recording, term: Term, made: dict[int, Op], values: dict[int, Tensor]) -> list[Term]:
    """Return the terms of a sum that depend on the parameters; the sum is a scalar or one value per example."""
    op = made.get(term.slot)
    if op is None or op.written or term.slot not in values:
        return []
    own = [s for s, dependence in zip(op.inputs, op.dependences) if dependence == SMOOTH]
    if op.name in ADDITIONS and len(own) == 2 and all(s in values and values[s].ndim <= 1 for s in own):
        sides = (1, 0) if op.name in REVERSED else (0, 1)
        each = [Term(s, op, side) for s, side in zip(own, sides)]
        return [inner for part in each for inner in _trained_terms(recording, part, made, values)]
    if op.name in PASSED and len(own) == 1:
        within = _trained_terms(recording, Term(own[0], term.sum, term.side), made, values)
        return within if len(within) > 1 else [term]
    return [term]


def _gradient_norm(root: Tensor, term: Tensor, theta: list[Tensor]) -> float:
    """Return the norm of the gradient that the parameters receive through one term of the loss."""
    [arriving] = torch.autograd.grad(root, [term], retain_graph=True, allow_unused=True)
    if arriving is None:
        return 0.0
    found = torch.autograd.grad(term, theta, arriving, retain_graph=True, allow_unused=True)
    return float(torch.stack([g.double().norm() for g in found if g is not None] or [torch.zeros(())]).norm())


def _term_facts(snapshot: Snapshot, known: list[tuple[float, Term]]) -> Measurement:
    """Yield a fact for each of some terms of the loss on both sides of the widest gap between their gradient norms."""
    gaps = [stronger[0] / weaker[0] for weaker, stronger in pairwise(known)]
    if not gaps or not FAR <= max(gaps) < inf:
        return
    across, gap = gaps.index(max(gaps)) + 1, max(gaps)
    sides = [(term, gap) for term in reversed(known[:across])][:MOST] + [(t, 1 / gap) for t in known[across:]][:MOST]
    for place, ((pull, term), factor) in enumerate(sides):
        site = None if term.sum is None else term.sum.site
        if site is not None:
            snapshot.note_site(SiteKind.LOSS_TERM, str(place), site, "sum")
            rounded = float(f"{factor:.2g}")
            said = facts.LossTerm(line=site.line, pull=pull, factor=rounded, side=term.side, edit="weigh")
            yield Fact.of(said, snapshot.step, str(place))
