"""The largest Hessian eigenvalue λmax of the minimised loss, with the given inputs and with standardised inputs.

Both are computed on the fixed examples, with their range over the batches, since a mini-batch's λmax is usually larger
than the full batch's. For an adaptive optimizer it is λmax(P⁻¹H). The standardised value is a counterfactual at the
same parameters: if only this value is below the stability limit, the inputs cause the instability, not the learning
rate.
"""

from collections.abc import Callable

from torch import Tensor

from descend.doctor.measure.preconditioner import divide_by_rates, preconditioner
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Reading
from descend.doctor.tape import Recording, StaleData
from descend.landscape import CurvatureUnavailable, Loss, TopEigenpair, top_eigenpair
from descend.landscape.loss import Evaluate, Hessian
from descend.landscape.vectors import flat, normal_like, shaped

PRODUCTS = 8  # number of Hessian-vector products in the Lanczos iteration, as accurate as 16 power iterations
WARM_PRODUCTS = 5  # number of Hessian-vector products if Lanczos starts from the last measurement's eigenvector
BATCHES = 4  # The eigenvalue is averaged over at least this many batches of the fixed examples.
EXAMPLES = 64  # The batches hold at least this many examples, because λmax is too large on few examples.
FEW = 8  # If a batch has fewer examples than this, the measurement waits for all fixed examples.
# Standardised inputs are tried only up to this step, because the parameters adapt to the raw inputs.
COUNTERFACTUAL_STEPS = 3


def curvature(snapshot: Snapshot) -> Measurement:
    """Yield the Hessian's largest eigenvalue, its range over batches, and its lowest, for an optimizer's parameters.

    The readings are `curvature`, `_low`, `_high` and `_lowest`; for an adaptive optimizer they are prefixed
    `preconditioned_`. If the groups have different learning rates, multiply the value by the first group's.
    """
    if not snapshot.monitor and snapshot.step > 0 and snapshot.recordings()[0].batch_size < FEW:
        return
    scale = preconditioner(snapshot.optimizer, snapshot.parameters)
    metric = divide_by_rates(snapshot.optimizer, snapshot.parameters, scale)
    name = "curvature" if scale is None else "preconditioned_curvature"
    top = _top_eigenpair(snapshot, f"{name} vector", metric, None)
    yield Reading(name, snapshot.key, snapshot.step, top.value * snapshot.backwards)
    yield Reading(f"{name}_low", snapshot.key, snapshot.step, min(top.spread) * snapshot.backwards)
    yield Reading(f"{name}_high", snapshot.key, snapshot.step, max(top.spread) * snapshot.backwards)
    yield Reading(f"{name}_lowest", snapshot.key, snapshot.step, top.lowest * snapshot.backwards)
    statistics = snapshot.memory.get("input_statistics")
    if scale is None and statistics is not None and snapshot.step <= COUNTERFACTUAL_STEPS:
        counterfactual = _top_eigenpair(snapshot, "standardised vector", metric, statistics.standardise)
        value = counterfactual.value * snapshot.backwards
        yield Reading("curvature_standardised", snapshot.key, snapshot.step, value)


def _top_eigenpair(
    snapshot: Snapshot, memory: str, scale: list[Tensor] | None, change: Callable[[Tensor], Tensor] | None
) -> TopEigenpair:
    """Return the Hessian's top eigenpair, starting from the last measured eigenvector. Raises `Unavailable`."""
    memory = f"{memory} {snapshot.key}"
    known = snapshot.memory.get(memory)
    if known is not None and [v.shape for v in known] != [p.shape for p in snapshot.parameters]:
        known = None  # A layer was frozen or added since the last measurement.
    try:
        top = top_eigenpair(
            hessian_of(snapshot, change) if change else snapshot.averaged(hessian_of(snapshot)),
            known or shaped(normal_like(flat(snapshot.parameters)), snapshot.parameters),
            preconditioner=scale,
            iterations=WARM_PRODUCTS if known else PRODUCTS,
            go_on=snapshot.go_on,
        )
    except (CurvatureUnavailable, StaleData) as error:
        raise Unavailable(str(error)) from None
    snapshot.memory[memory] = top.vector
    return top


def hessian_of(snapshot: Snapshot, change: Callable[[Tensor], Tensor] | None = None) -> Hessian:
    """Return the Hessian of the minimised loss on the fixed examples, with `change` applied to their inputs.

    Raises `CurvatureUnavailable`, `StaleData`.
    """
    parts: list[Evaluate] = []
    for recording in _select_recordings(snapshot.recordings()):
        slot = recording.input_slot
        replace = {slot: change} if change is not None and slot is not None else None
        minimised = recording.negate() if snapshot.climbs else recording
        parts += minimised.loss(snapshot.parameters, replace=replace).parts
    return Loss(tuple(parts)).hessian(snapshot.parameters)


def _select_recordings(recordings: tuple[Recording, ...]) -> tuple[Recording, ...]:
    """Return the first recordings that have enough batches and examples for the largest Hessian eigenvalue."""
    examples = 0
    for count, recording in enumerate(recordings, 1):
        examples += recording.batch_size
        if count >= BATCHES and examples >= EXAMPLES:
            return recordings[:count]
    return recordings
