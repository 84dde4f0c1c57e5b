"""The norms of each layer's weights and gradient at points of a run, and the largest batch that fits into memory."""

from functools import partial
from math import isfinite

from torch import Tensor

from descend.doctor.measure.shown.points import distinct_recordings, loss_at, points
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import facts
from descend.doctor.tape import Recording, StaleData
from descend.landscape.batch_sizes import kept_bytes
from descend.landscape.loss import leaves_at
from descend.landscape.memory import free_bytes


def norms(snapshot: Snapshot) -> Measurement:
    """Yield the norms of each parameter and of its gradient of the fixed examples' loss, at each requested point."""
    for point in points(snapshot):
        try:
            gradient = loss_at(snapshot, point).gradient(point.theta)
            recording, leaves = distinct_recordings(snapshot)[0], leaves_at(point.theta)
            held = kept_bytes(partial(recording.loss(snapshot.parameters).parts[0], leaves), leaves)
        except (StaleData, RuntimeError, ValueError) as error:
            raise Unavailable(str(error).splitlines()[0]) from None
        used = _order_of_use(recording)
        free = free_bytes(point.theta[0].device)
        yield point.fact(
            facts.LayerNorms(
                layers=tuple(
                    facts.ParameterNorms(snapshot.name(p), tuple(p.shape), _norm(w), _norm(g))
                    for p, w, g in sorted(
                        zip(snapshot.parameters, point.theta, gradient), key=lambda each: used.index(id(each[0]))
                    )
                ),
                examples=recording.batch_size,
                kept_bytes=held,
                free_bytes=free if isfinite(free) else None,
                optimizer=dict(point.optimizer),
            )
        )


def _order_of_use(recording: Recording) -> list[int]:
    """Return the ids of the parameters in the order in which the forward pass first uses them."""
    slots = [slot for op in recording.ops for slot in op.inputs if slot in recording.parameters]
    return [id(recording.parameters[slot]) for slot in dict.fromkeys(slots)]


def _norm(tensor: Tensor) -> float:
    """Return the Euclidean norm of a tensor."""
    return float(tensor.double().norm())
