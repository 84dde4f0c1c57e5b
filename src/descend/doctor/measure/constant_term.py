"""A loss term made of derivatives without a graph: its value depends on the parameters, but its gradient is zero.

forces = -torch.autograd.grad(energy.sum(), x)[0]            # create_graph=True is missing
loss = mse(energy, e) + mse(forces, f)
"""

from collections.abc import Sequence

from descend.doctor.measure.loss_terms import terms
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, SiteKind, facts
from descend.doctor.tape import Recording
from descend.doctor.tape.call import NONE


def constant_term(snapshot: Snapshot) -> Measurement:
    """Yield the fact `constant_term` if a term of the first recorded loss, or a part of it, has no autograd graph."""
    recording = snapshot.recordings()[0]
    for term in terms(recording):
        sources = term.dependence == NONE and [
            slot for slot in recording.upstream_slots(term.slot) if slot in recording.derivatives
        ]
        if sources:
            yield from _report_constant_term(snapshot, sources, is_whole=True)
            return
    yield from _report_constant_term(snapshot, _derivatives_without_graph(recording), is_whole=False)


def _derivatives_without_graph(recording: Recording) -> list[int]:
    """Return the ids of derivatives without a graph that a loss uses in addition to derivatives with a graph."""
    fed = recording.input_slot
    # The network's inputs are excluded: the script may change an input along its gradient on purpose.
    given = set() if fed is None else recording.upstream_slots(fed)
    made = recording.upstream_slots(recording.root) if recording.leaves else set()
    return [slot for slot in recording.derivatives if slot in made - given]


def _report_constant_term(snapshot: Snapshot, sources: Sequence[int], *, is_whole: bool) -> Measurement:
    """Yield the fact `constant_term` if there are `sources`, and record the line that computes the first one."""
    if sources:
        snapshot.note_site(SiteKind.DERIVATIVE, "0", snapshot.recordings()[0].derivatives[sources[0]], "grad")
        yield Fact.of(facts.ConstantTerm(len(sources), is_whole), snapshot.step)
