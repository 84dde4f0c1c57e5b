"""The gradient's norm, in all and per parameter, and how far the last step moved each parameter."""

import torch

from descend.probes.moment import Measurement, Moment
from descend.record import Reading

MOST_PARAMETERS = 200  # per-parameter norms are kept for this many


def gradient(moment: Moment) -> Measurement:
    """Yield `gradient_norm` of the whole loss (place "") and of each parameter."""
    pairs = [(p, g) for p, g in zip(moment.parameters, moment.gradients) if g is not None]
    if not pairs:
        return
    norms = [float(g.coalesce().values().norm() if g.is_sparse else g.norm()) for _, g in pairs]
    yield Reading("gradient_norm", "", moment.step, float(torch.tensor(norms, dtype=torch.float64).norm()))
    place = {key: i for i, key in enumerate(moment.names)}  # as the network lists them: the graph begins at the loss
    listed = sorted(zip(pairs, norms), key=lambda found: place.get(id(found[0][0]), 0))
    for (parameter, _), norm in listed[:MOST_PARAMETERS]:
        yield Reading("gradient_norm", moment.name(parameter), moment.step, norm)


def update_ratio(moment: Moment) -> Measurement:
    """Yield ‖Δw‖ / ‖w‖ per parameter for the step just taken; `memory["before_step"]` holds the earlier values."""
    before = moment.memory.get("before_step", {})
    for parameter in moment.parameters[:MOST_PARAMETERS]:
        earlier = before.get(id(parameter))
        if earlier is not None and (size := float(earlier.norm())) > 0:
            moved = float((parameter.detach() - earlier).norm())
            yield Reading("update_ratio", moment.name(parameter), moment.step, moved / size)
