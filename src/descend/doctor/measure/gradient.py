"""The norm of the gradient, in total and per parameter, and how far the last step moved each parameter."""

import torch

from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Reading

MOST_PARAMETERS = 200  # largest number of parameters whose norms are recorded separately


def gradient(snapshot: Snapshot) -> Measurement:
    """Yield the gradient norm of all parameters together, and of each parameter."""
    pairs = [(p, g) for p, g in zip(snapshot.parameters, snapshot.gradients) if g is not None]
    if not pairs:
        return
    norms = [float(g.coalesce().values().norm() if g.is_sparse else g.norm()) for _, g in pairs]
    yield Reading("gradient_norm", "", snapshot.step, float(torch.tensor(norms, dtype=torch.float64).norm()))
    # Sorted in the order of the network, because the backward pass has the reverse order.
    place = {key: i for i, key in enumerate(snapshot.names)}
    listed = sorted(zip(pairs, norms), key=lambda found: place.get(id(found[0][0]), 0))
    for (parameter, _), norm in listed[:MOST_PARAMETERS]:
        yield Reading("gradient_norm", snapshot.name(parameter), snapshot.step, norm)


def update_ratio(snapshot: Snapshot) -> Measurement:
    """Yield ‖Δw‖ / ‖w‖ for each parameter w and its change Δw in the last step."""
    before = snapshot.memory.get("before_step", {})
    for parameter in snapshot.parameters[:MOST_PARAMETERS]:
        earlier = before.get(id(parameter))
        if earlier is not None and (size := float(earlier.norm())) > 0:
            moved = float((parameter.detach() - earlier).norm())
            yield Reading("update_ratio", snapshot.name(parameter), snapshot.step, moved / size)
