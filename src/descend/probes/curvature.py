"""The largest curvature λmax of the monitored cost, and of the same cost with its inputs standardised.

Measured on fixed examples with its spread over them: a mini-batch's λmax is usually larger than the whole set's.
For an adaptive rule it is λmax(P⁻¹H). The standardised figure is a counterfactual at the same parameters: if only
that one lies under the stability bound, the inputs and not the learning rate are at fault.
"""

from collections.abc import Callable

from torch import Tensor

from descend.landscape import CurvatureUnavailable, Loss, TopEigenpair, top_eigenpair
from descend.landscape.loss import Evaluate, Hessian
from descend.landscape.vectors import flat, normal_like, shaped
from descend.probes.moment import Measurement, Moment, Unavailable
from descend.probes.preconditioner import preconditioner, with_rates
from descend.record import Reading
from descend.tape import Recording, Stale

PRODUCTS = 8  # as good as sixteen power iterations
WARM_PRODUCTS = 5  # from the last probe's eigenvector
BATCHES = 4  # monitor batches that the mean is taken over,
EXAMPLES = 64  # or as many as have so many examples: λmax of a few is larger than that of many
FEW = 8  # examples whose λmax is not worth waiting for, where more are to come
COUNTERFACTUAL_STEPS = 3  # later the parameters have followed the raw inputs


def curvature(moment: Moment) -> Measurement:
    """Yield `curvature` (`_low` and `_high` over the batches, `_lowest` along other directions), per optimizer.

    For an adaptive rule they begin with `preconditioned_curvature`. Where parameter groups have rates of
    their own it is what the first group's rate must be multiplied with.
    """
    if not moment.monitor and moment.step > 0 and moment.recordings()[0].examples < FEW:
        return
    scale = preconditioner(moment.optimizer, moment.parameters)
    metric = with_rates(moment.optimizer, moment.parameters, scale)
    name = "curvature" if scale is None else "preconditioned_curvature"
    top = _top(moment, f"{name} vector", metric, None)
    yield Reading(name, moment.key, moment.step, top.value * moment.backwards)
    yield Reading(f"{name}_low", moment.key, moment.step, min(top.spread) * moment.backwards)
    yield Reading(f"{name}_high", moment.key, moment.step, max(top.spread) * moment.backwards)
    yield Reading(f"{name}_lowest", moment.key, moment.step, top.lowest * moment.backwards)
    statistics = moment.memory.get("input_statistics")
    if scale is None and statistics is not None and moment.step <= COUNTERFACTUAL_STEPS:
        counterfactual = _top(moment, "standardised vector", metric, statistics.standardise)
        value = counterfactual.value * moment.backwards
        yield Reading("curvature_standardised", moment.key, moment.step, value)


def _top(
    moment: Moment, memory: str, scale: list[Tensor] | None, change: Callable[[Tensor], Tensor] | None
) -> TopEigenpair:
    memory = f"{memory} {moment.key}"
    known = moment.memory.get(memory)
    if known is not None and [v.shape for v in known] != [p.shape for p in moment.parameters]:
        known = None  # a layer has been frozen, or another added
    try:
        top = top_eigenpair(
            hessian_of(moment, change) if change else moment.averaged(hessian_of(moment)),
            known or _start(moment.parameters),
            preconditioner=scale,
            iterations=WARM_PRODUCTS if known else PRODUCTS,
            go_on=moment.go_on,
        )
    except (CurvatureUnavailable, Stale) as error:
        raise Unavailable(str(error)) from None
    moment.memory[memory] = top.vector
    return top


def hessian_of(moment: Moment, change: Callable[[Tensor], Tensor] | None = None) -> Hessian:
    """Return the Hessian of the cost on the fixed examples, their inputs changed or as they are.

    Raises `CurvatureUnavailable`, `Stale`.
    """
    parts: list[Evaluate] = []
    for recording in _enough(moment.recordings()):
        slot = recording.input_slot
        replace = {slot: change} if change is not None and slot is not None else None
        parts += recording.loss(moment.parameters, replace=replace).parts
    return Loss(tuple(parts)).hessian(moment.parameters)


def _enough(recordings: tuple[Recording, ...]) -> tuple[Recording, ...]:
    examples = 0
    for count, recording in enumerate(recordings, 1):
        examples += recording.examples
        if count >= BATCHES and examples >= EXAMPLES:
            return recordings[:count]
    return recordings


def _start(parameters: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return shaped(normal_like(flat(parameters)), parameters)
