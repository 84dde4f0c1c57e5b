"""Do the inputs of the network and its targets come from the same loader?"""

from descend.doctor.probes.loss_call import loss_call
from descend.doctor.probes.snapshot import Measurement, Snapshot, Unavailable
from descend.doctor.probes.unread import unread
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Recording


def pairing(snapshot: Snapshot) -> Measurement:
    """Yield the fact `pairing` of the first recorded step, where each side of the loss comes from loaders of its own.

    `inputs` and `targets` list the loaders by number.
    """
    recording = snapshot.recordings()[0]
    call = loss_call(recording)
    if call is None:
        raise Unavailable(unread(recording))
    inputs, targets = (_loaders(recording, slot) for slot in (call.prediction, call.target))
    if inputs and targets and inputs.isdisjoint(targets):
        yield Fact.of(facts.Pairing(tuple(sorted(inputs)), tuple(sorted(targets))), snapshot.step)


def _loaders(recording: Recording, slot: int) -> set[str]:
    behind = recording.behind(slot)
    return {loader for made, loader in recording.loaders.items() if made in behind}
