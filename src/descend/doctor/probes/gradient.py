"""The gradient's norm, in all and per parameter, and how far the last step moved each parameter."""

import torch

from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.record import Reading

MOST_PARAMETERS = 200  # per-parameter norms are kept for this many


def gradient(snapshot: Snapshot) -> Measurement:
    """Yield `gradient_norm` of the whole loss (place "") and of each parameter."""
    pairs = [(p, g) for p, g in zip(snapshot.parameters, snapshot.gradients) if g is not None]
    if not pairs:
        return
    norms = [float(g.coalesce().values().norm() if g.is_sparse else g.norm()) for _, g in pairs]
    yield Reading("gradient_norm", "", snapshot.step, float(torch.tensor(norms, dtype=torch.float64).norm()))
    place = {key: i for i, key in enumerate(snapshot.names)}  # as the network lists them: the graph begins at the loss
    listed = sorted(zip(pairs, norms), key=lambda found: place.get(id(found[0][0]), 0))
    for (parameter, _), norm in listed[:MOST_PARAMETERS]:
        yield Reading("gradient_norm", snapshot.name(parameter), snapshot.step, norm)


def update_ratio(snapshot: Snapshot) -> Measurement:
    """Yield ‖Δw‖ / ‖w‖ per parameter for the step just taken; `memory["before_step"]` holds the earlier values."""
    before = snapshot.memory.get("before_step", {})
    for parameter in snapshot.parameters[:MOST_PARAMETERS]:
        earlier = before.get(id(parameter))
        if earlier is not None and (size := float(earlier.norm())) > 0:
            moved = float((parameter.detach() - earlier).norm())
            yield Reading("update_ratio", snapshot.name(parameter), snapshot.step, moved / size)
