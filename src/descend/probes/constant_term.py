"""A term of the loss that is made of derivatives, and of no graph: it moves with the parameters and moves none.

forces = -torch.autograd.grad(energy.sum(), x)[0]            # without create_graph=True
loss = mse(energy, e) + mse(forces, f)
"""

from descend.probes.moment import Measurement, Moment
from descend.probes.terms import terms
from descend.record import Fact
from descend.tape.call import NONE


def constant_term(moment: Moment) -> Measurement:
    """Yield the fact `constant_term` of the first recorded step, where there is one."""
    recording = moment.recordings()[0]
    for term in terms(recording):
        sources = term.taint == NONE and [slot for slot in recording.behind(term.slot) if slot in recording.derivatives]
        if sources:
            moment.note_site("derivative", "0", recording.derivatives[sources[0]], "grad")
            yield Fact("constant_term", "", moment.step, {"derivatives": len(sources)})
            return
