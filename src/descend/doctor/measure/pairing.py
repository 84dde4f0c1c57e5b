"""Whether the network's inputs and the targets come from the same loader."""

from descend.doctor.measure.loss_call import loss_call
from descend.doctor.measure.messages import no_loss_call_message
from descend.doctor.measure.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Recording


def pairing(snapshot: Snapshot) -> Measurement:
    """Yield the fact `pairing` if inputs and targets of the first recorded step come from different loaders.

    Its fields `inputs` and `targets` list the loaders by number.
    """
    recording = snapshot.recordings()[0]
    call = loss_call(recording)
    if call is None:
        raise Unavailable(no_loss_call_message(recording))
    inputs, targets = (_source_loaders(recording, slot) for slot in (call.prediction, call.target))
    if inputs and targets and inputs.isdisjoint(targets):
        yield Fact.of(facts.Pairing(tuple(sorted(inputs)), tuple(sorted(targets))), snapshot.step)


def _source_loaders(recording: Recording, slot: int) -> set[str]:
    """Return the data loaders that a recorded value comes from."""
    behind = recording.upstream_slots(slot)
    return {loader for made, loader in recording.loaders.items() if made in behind}
