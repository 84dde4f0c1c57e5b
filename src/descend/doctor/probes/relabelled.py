"""Recordings whose labels say nothing of their inputs: in random order, or of inputs that are noise."""

from collections.abc import Sequence

from descend.doctor.probes.feeding import fed, value_of
from descend.doctor.probes.judging import call_of
from descend.doctor.probes.snapshot import Unavailable
from descend.doctor.probes.unread import UNFED, unmatched
from descend.doctor.tape import Recording
from descend.landscape.memorising import INPUTS, LABELS, TRUE, noise_like, shuffled


def relabelled(recordings: Sequence[Recording], seed: int = 0) -> dict[str, tuple[Recording, ...]]:
    """Return the recordings as they are, with their targets in random order, and with noise for real inputs.

    Raises `Unavailable` where the targets, one for each example, are not seen.
    """
    slots = [call_of(recording).target for recording in recordings]
    targets = [value_of(recording, slot) for recording, slot in zip(recordings, slots)]
    if not all(t.ndim for t in targets) or len({t.shape[1:] for t in targets}) > 1:
        raise Unavailable(unmatched("targets"))
    mixed = zip(recordings, slots, shuffled(targets, seed))
    found = {TRUE: tuple(recordings), LABELS: tuple(fed(r, slot, t) for r, slot, t in mixed)}
    places = [recording.input_slot for recording in recordings]
    if any(place is None for place in places):
        raise Unavailable(UNFED)
    inputs = [value_of(recording, place) for recording, place in zip(recordings, places) if place is not None]
    if all(x.is_floating_point() for x in inputs):
        noise = zip(recordings, places, noise_like(inputs, seed))
        found[INPUTS] = tuple(fed(r, place, x) for r, place, x in noise if place is not None)
    return found
