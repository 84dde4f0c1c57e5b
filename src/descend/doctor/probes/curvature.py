"""The largest curvature λmax of what the steps make small, and of the same with its inputs standardised.

Measured on fixed examples with its spread over them: a mini-batch's λmax is usually larger than the whole set's.
For an adaptive rule it is λmax(P⁻¹H). The standardised figure is a counterfactual at the same parameters: if only
that one lies under the stability bound, the inputs and not the learning rate are at fault.
"""

from collections.abc import Callable

from torch import Tensor

from descend.doctor.probes.preconditioner import preconditioner, with_rates
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Reading
from descend.doctor.tape import Recording, Stale
from descend.landscape import CurvatureUnavailable, Loss, TopEigenpair, top_eigenpair
from descend.landscape.loss import Evaluate, Hessian
from descend.landscape.vectors import flat, normal_like, shaped

PRODUCTS = 8  # as good as sixteen power iterations
WARM_PRODUCTS = 5  # from the last probe's eigenvector
BATCHES = 4  # monitor batches that the mean is taken over,
EXAMPLES = 64  # or as many as have so many examples: λmax of a few is larger than that of many
FEW = 8  # examples whose λmax is not worth waiting for, where more are to come
COUNTERFACTUAL_STEPS = 3  # later the parameters have followed the raw inputs


def curvature(snapshot: Snapshot) -> Measurement:
    """Yield `curvature` (`_low` and `_high` over the batches, `_lowest` along other directions), per optimizer.

    For an adaptive rule they begin with `preconditioned_curvature`. Where parameter groups have rates of
    their own it is what the first group's rate must be multiplied with.
    """
    if not snapshot.monitor and snapshot.step > 0 and snapshot.recordings()[0].examples < FEW:
        return
    scale = preconditioner(snapshot.optimizer, snapshot.parameters)
    metric = with_rates(snapshot.optimizer, snapshot.parameters, scale)
    name = "curvature" if scale is None else "preconditioned_curvature"
    top = _top(snapshot, f"{name} vector", metric, None)
    yield Reading(name, snapshot.key, snapshot.step, top.value * snapshot.backwards)
    yield Reading(f"{name}_low", snapshot.key, snapshot.step, min(top.spread) * snapshot.backwards)
    yield Reading(f"{name}_high", snapshot.key, snapshot.step, max(top.spread) * snapshot.backwards)
    yield Reading(f"{name}_lowest", snapshot.key, snapshot.step, top.lowest * snapshot.backwards)
    statistics = snapshot.memory.get("input_statistics")
    if scale is None and statistics is not None and snapshot.step <= COUNTERFACTUAL_STEPS:
        counterfactual = _top(snapshot, "standardised vector", metric, statistics.standardise)
        value = counterfactual.value * snapshot.backwards
        yield Reading("curvature_standardised", snapshot.key, snapshot.step, value)


def _top(
    snapshot: Snapshot, memory: str, scale: list[Tensor] | None, change: Callable[[Tensor], Tensor] | None
) -> TopEigenpair:
    memory = f"{memory} {snapshot.key}"
    known = snapshot.memory.get(memory)
    if known is not None and [v.shape for v in known] != [p.shape for p in snapshot.parameters]:
        known = None  # a layer has been frozen, or another added
    try:
        top = top_eigenpair(
            hessian_of(snapshot, change) if change else snapshot.averaged(hessian_of(snapshot)),
            known or _start(snapshot.parameters),
            preconditioner=scale,
            iterations=WARM_PRODUCTS if known else PRODUCTS,
            go_on=snapshot.go_on,
        )
    except (CurvatureUnavailable, Stale) as error:
        raise Unavailable(str(error)) from None
    snapshot.memory[memory] = top.vector
    return top


def hessian_of(snapshot: Snapshot, change: Callable[[Tensor], Tensor] | None = None) -> Hessian:
    """Return the Hessian of the cost on the fixed examples, their inputs changed or as they are; of minus a gain.

    Raises `CurvatureUnavailable`, `Stale`.
    """
    parts: list[Evaluate] = []
    for recording in _enough(snapshot.recordings()):
        slot = recording.input_slot
        replace = {slot: change} if change is not None and slot is not None else None
        minimised = recording.turned() if snapshot.climbs else recording
        parts += minimised.loss(snapshot.parameters, replace=replace).parts
    return Loss(tuple(parts)).hessian(snapshot.parameters)


def _enough(recordings: tuple[Recording, ...]) -> tuple[Recording, ...]:
    examples = 0
    for count, recording in enumerate(recordings, 1):
        examples += recording.examples
        if count >= BATCHES and examples >= EXAMPLES:
            return recordings[:count]
    return recordings


def _start(parameters: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return shaped(normal_like(flat(parameters)), parameters)
