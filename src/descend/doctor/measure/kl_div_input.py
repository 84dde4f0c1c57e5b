"""Whether a Kullback-Leibler divergence receives probabilities in place of log-probabilities."""

from typing import Any

from torch import Tensor

from descend.doctor.measure.replay import run_without_graph
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.tape import Op

ROUND_OFF = 1e-3  # largest deviation from 1 that is allowed for a sum of probabilities


def kl_div_input(snapshot: Snapshot) -> Measurement:
    """Yield the fact `divergence` if the input of `kl_div` consists of probabilities instead of their logarithms."""
    recording = snapshot.recordings()[0]
    if not any(op.name == "kl_div" for op in recording.ops):
        return
    found: list[tuple[Op, Tensor]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        """Store the input of `kl_div` if it consists of probabilities."""
        given = args[0] if args else kwargs.get("input")
        if op.name == "kl_div" and isinstance(given, Tensor) and _are_probabilities(given.detach()):
            found.append((op, given.detach()))

    run_without_graph(recording, watch)
    for op, given in found[:1]:
        snapshot.note_site(SiteKind.DIVERGENCE, "0", op.site, op.name)
        yield Fact.of(facts.Divergence(float(given.min()), float(given.max())), snapshot.step)


def _are_probabilities(given: Tensor) -> bool:
    """Return whether the values are non-negative and sum to 1 along some dimension."""
    sums = (given.sum(dim) for dim in range(given.ndim))
    return bool((given >= 0).all()) and any(bool(((s - 1).abs() < ROUND_OFF).all()) for s in sums)
