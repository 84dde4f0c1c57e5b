"""Whether a Kullback-Leibler divergence is fed probabilities where it takes their logarithms."""

from typing import Any

from torch import Tensor

from descend.doctor.probes.feeding import run_watched
from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Op

ROUND_OFF = 1e-3  # of a sum of probabilities


def divergence(snapshot: Snapshot) -> Measurement:
    """Yield the fact `divergence` of an input of `kl_div` that sums to 1 along a dimension, as logarithms cannot."""
    recording = snapshot.recordings()[0]
    if not any(op.name == "kl_div" for op in recording.ops):
        return
    found: list[tuple[Op, Tensor]] = []

    def watch(op: Op, args: tuple, kwargs: dict, result: Any) -> None:
        given = args[0] if args else kwargs.get("input")
        if op.name == "kl_div" and isinstance(given, Tensor) and _are_probabilities(given.detach()):
            found.append((op, given.detach()))

    run_watched(recording, watch)
    for op, given in found[:1]:
        snapshot.note_site("divergence", "0", op.site, op.name)
        yield Fact.of(facts.Divergence(float(given.min()), float(given.max())), snapshot.step)


def _are_probabilities(given: Tensor) -> bool:
    sums = (given.sum(dim) for dim in range(given.ndim))
    return bool((given >= 0).all()) and any(bool(((s - 1).abs() < ROUND_OFF).all()) for s in sums)
