"""Recordings without a relation between inputs and labels: with shuffled labels, or with noise as inputs."""

from collections.abc import Sequence

from descend.doctor.measure.messages import UNFED, unmatched_message
from descend.doctor.measure.network_outputs import require_loss_call
from descend.doctor.measure.replay import slot_value, with_data
from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.tape import Recording
from descend.landscape.memorising import INPUTS, LABELS, TRUE, noise_like, shuffled_targets


def randomised_recordings(recordings: Sequence[Recording], seed: int = 0) -> dict[str, tuple[Recording, ...]]:
    """Return recordings by kind of data: unchanged, with shuffled targets and, for real inputs, with random inputs.

    Raises `Unavailable` if the targets, one per example, are unknown.
    """
    slots = [require_loss_call(recording).target for recording in recordings]
    targets = [slot_value(recording, slot) for recording, slot in zip(recordings, slots)]
    if not all(t.ndim for t in targets) or len({t.shape[1:] for t in targets}) > 1:
        raise Unavailable(unmatched_message("targets"))
    mixed = zip(recordings, slots, shuffled_targets(targets, seed))
    found = {TRUE: tuple(recordings), LABELS: tuple(with_data(r, slot, t) for r, slot, t in mixed)}
    places = [recording.input_slot for recording in recordings]
    if any(place is None for place in places):
        raise Unavailable(UNFED)
    inputs = [slot_value(recording, place) for recording, place in zip(recordings, places) if place is not None]
    if all(x.is_floating_point() for x in inputs):
        noise = zip(recordings, places, noise_like(inputs, seed))
        found[INPUTS] = tuple(with_data(r, place, x) for r, place, x in noise if place is not None)
    return found
