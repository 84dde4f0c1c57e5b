"""A term of the loss that is made of derivatives, and of no graph: it moves with the parameters and moves none.

forces = -torch.autograd.grad(energy.sum(), x)[0]            # without create_graph=True
loss = mse(energy, e) + mse(forces, f)
"""

from collections.abc import Sequence

from descend.doctor.probes.snapshot import Measurement, Snapshot
from descend.doctor.probes.terms import terms
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Recording
from descend.doctor.tape.call import NONE


def constant_term(snapshot: Snapshot) -> Measurement:
    """Yield the fact `constant_term` of the first recorded step: a term without a graph, or a derivative in one."""
    recording = snapshot.recordings()[0]
    for term in terms(recording):
        sources = term.taint == NONE and [slot for slot in recording.behind(term.slot) if slot in recording.derivatives]
        if sources:
            yield from _told(snapshot, sources, is_whole=True)
            return
    yield from _told(snapshot, _beside(recording), is_whole=False)


def _beside(recording: Recording) -> list[int]:
    """Return the derivatives without a graph that a loss is made of which is made of some with theirs, too."""
    fed = recording.input_slot
    given = set() if fed is None else recording.behind(fed)  # an example that was changed along its gradient
    made = recording.behind(recording.root) if recording.leaves else set()
    return [slot for slot in recording.derivatives if slot in made - given]


def _told(snapshot: Snapshot, sources: Sequence[int], *, is_whole: bool) -> Measurement:
    if sources:
        snapshot.note_site("derivative", "0", snapshot.recordings()[0].derivatives[sources[0]], "grad")
        yield Fact.of(facts.ConstantTerm(len(sources), is_whole), snapshot.step)
