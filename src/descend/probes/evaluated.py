"""What the network is given where it is evaluated: how far from what it is trained on, and what that goes through.

The distance is Fréchet's between normal distributions (Dowson & Landau 1982, eq. 4), feature by feature: the root of
(m − m')² + (σ − σ')², here in units of the smaller of the two σ.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from descend.probes.inputs import feature_dim, network_input
from descend.probes.moment import Measurement, Unavailable
from descend.probes.on_the_way import Note, before, edits, span, told
from descend.probes.units import units_first
from descend.record import Fact
from descend.tape import Recording

LEAST_SPREAD = 1e-6  # of the larger σ: below it one sample does not vary
LEAST = 30  # examples of each, or their mean and σ say little


def is_same_network(evaluated: Recording, trained: Recording) -> bool:
    """Whether the data of both meet the same parameters first."""
    first = [_met(recording) for recording in (evaluated, trained)]
    return not first[0].isdisjoint(first[1])


def _met(recording: Recording) -> set[int]:
    layer = recording.first_layer
    return set() if layer is None else {id(recording.parameters.get(slot)) for slot in layer.inputs} - {id(None)}


def evaluated(recording: Recording, trained: Sequence[Recording], key: str, step: int, note: Note) -> Measurement:
    """Yield a fact `on_evaluated` for each call that an evaluation alone has before the network; `evaluated_inputs`.

    That one holds the distance of the feature in the middle, and mean and σ of all features together. key: which
    evaluation.
    """
    shared = {span(op.site) for known in trained for op in before(known) if op.site is not None}
    # What is compared with the network's answer makes the script's own measure, which no edit may touch.
    fed = set() if recording.input_slot is None else recording.behind(recording.input_slot)
    calls = {op for op in before(recording) if fed.intersection(op.outputs)}
    found = [edit for edit in edits(recording, calls) if span(edit[0]) not in shared]
    yield from told("on_evaluated", found, step, note, f"{key}.")
    try:
        theirs, ours = rows([recording]), rows(trained)
    except Unavailable:  # token ids have no mean
        return
    if min(len(theirs), len(ours)) >= LEAST and theirs.shape[1] == ours.shape[1]:
        detail = {"distance": distance(theirs, ours), "examples": len(theirs)}
        of_all = {"mean": float(theirs.mean()), "std": float(theirs.std()), "trained_mean": float(ours.mean())}
        yield Fact("evaluated_inputs", key, step, detail | of_all | {"trained_std": float(ours.std())})


def rows(recordings: Sequence[Recording]) -> Tensor:
    """Return what the network is fed (examples, features). Raises `Unavailable`."""
    tensors = [network_input(recording) for recording in recordings]
    dim = feature_dim(recordings[0], tensors[0])
    if len({(t.ndim, t.shape[dim] if t.ndim > dim else 0) for t in tensors}) > 1:
        raise Unavailable("the batches have features of different numbers")
    return torch.cat([units_first(t, dim).T for t in tensors]).double()


def distance(a: Tensor, b: Tensor) -> float:
    """Return how far two samples (examples, features) lie apart: the median over the features that vary in either."""
    (m, s), (n, t) = ((x.mean(0), x.std(0, correction=0)) for x in (a, b))
    apart, larger = ((m - n).square() + (s - t).square()).sqrt(), torch.maximum(s, t)
    unit, varies = torch.maximum(torch.minimum(s, t), LEAST_SPREAD * larger), larger > 0
    return float((apart / unit)[varies].median()) if bool(varies.any()) else 0.0
