"""What the script's own batch leaves for the backward pass, and nothing else: for runs at other sizes of the batch."""

from functools import partial

from descend.doctor.probes.shown.points import looked_on, points, require_finite
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import facts
from descend.doctor.tape import Stale
from descend.landscape.batch_sizes import kept_bytes
from descend.landscape.loss import leaves_at


def memory(snapshot: Snapshot) -> Measurement:
    """Yield the fact `kept_bytes` of each point: of how many examples, and the bytes."""
    for point in points(snapshot):
        require_finite(point)
        recording, leaves = looked_on(snapshot)[0], leaves_at(point.theta)
        try:
            held = kept_bytes(partial(recording.loss(snapshot.parameters).parts[0], leaves), leaves)
        except (Stale, RuntimeError) as error:
            raise Unavailable(str(error)) from None
        yield point.fact(facts.KeptBytes(recording.examples, held))
