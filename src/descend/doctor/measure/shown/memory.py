"""The bytes that a step's batch keeps for the backward pass, from which other batch sizes can be estimated."""

from functools import partial

from descend.doctor.measure.shown.points import distinct_recordings, points, require_finite
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import facts
from descend.doctor.tape import StaleData
from descend.landscape.batch_sizes import kept_bytes
from descend.landscape.loss import leaves_at


def memory(snapshot: Snapshot) -> Measurement:
    """Yield, at each requested point, the bytes that a batch keeps for the backward pass, and the batch size."""
    for point in points(snapshot):
        require_finite(point)
        recording, leaves = distinct_recordings(snapshot)[0], leaves_at(point.theta)
        try:
            held = kept_bytes(partial(recording.loss(snapshot.parameters).parts[0], leaves), leaves)
        except (StaleData, RuntimeError) as error:
            raise Unavailable(str(error)) from None
        yield point.fact(facts.SavedBytes(recording.batch_size, held))
