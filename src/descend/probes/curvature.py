"""The largest curvature λmax of the monitored cost, and of the same cost with its inputs standardised.

Measured on fixed examples with its spread over them: a mini-batch's λmax is usually larger than the whole set's.
For an adaptive rule it is λmax(P⁻¹H). The standardised figure is a counterfactual at the same parameters: if only
that one lies under the stability bound, the inputs and not the learning rate are at fault.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from descend.landscape import CurvatureUnavailable, MeanLoss, TopEigenpair, top_eigenpair
from descend.probes.moment import Measurement, Moment, Unavailable
from descend.probes.preconditioner import preconditioner
from descend.record import Reading

PRODUCTS = 8  # as good as sixteen power iterations
WARM_PRODUCTS = 5  # from the last probe's eigenvector
BATCHES = 4  # monitor batches that the mean is taken over
COUNTERFACTUAL_STEPS = 12  # later the parameters have grown used to the raw inputs


def curvature(moment: Moment) -> Measurement:
    """Yield `curvature` (with `curvature_low`, `curvature_high`) or `preconditioned_curvature`, per optimizer."""
    scale = preconditioner(moment.optimizer, moment.parameters)
    top = _top(moment, "curvature_vector", scale, None)
    name = "curvature" if scale is None else "preconditioned_curvature"
    yield Reading(name, moment.key, moment.step, top.value * moment.backwards)
    yield Reading(f"{name}_low", moment.key, moment.step, min(top.spread) * moment.backwards)
    yield Reading(f"{name}_high", moment.key, moment.step, max(top.spread) * moment.backwards)
    statistics = moment.memory.get("input_statistics")
    if scale is None and statistics is not None and moment.step <= COUNTERFACTUAL_STEPS:
        counterfactual = _top(moment, "standardised_vector", None, statistics.standardise)
        value = counterfactual.value * moment.backwards
        yield Reading("curvature_standardised", moment.key, moment.step, value)


def _top(
    moment: Moment, memory: str, scale: list[Tensor] | None, change: Callable[[Tensor], Tensor] | None
) -> TopEigenpair:
    parts = []
    for recording in moment.recordings()[:BATCHES]:
        slot = recording.input_slot
        replace = {slot: change} if change is not None and slot is not None else None
        parts.append(recording.loss(moment.parameters, replace=replace))
    known = moment.memory.get(memory)
    start = known or _random_like(moment.parameters)
    try:
        top = top_eigenpair(
            MeanLoss(tuple(parts)).hessian(moment.parameters),
            start,
            preconditioner=scale,
            iterations=WARM_PRODUCTS if known else PRODUCTS,
            go_on=moment.go_on,
        )
    except CurvatureUnavailable as error:
        raise Unavailable(str(error)) from None
    moment.memory[memory] = top.vector
    return top


def _random_like(parameters: tuple[Tensor, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)  # private: the script's own random stream stays as it is
    return [torch.randn(p.shape, generator=generator).to(p) for p in parameters]
