"""Whether a loss is the mean over examples that the network itself selects; such a loss need not fall.

loss.sum() / (loss > 0).sum()          # As easy triplets drop out, the hard ones remain.
"""

from descend.doctor.measure.loss_terms import terms
from descend.doctor.measure.snapshot import Measurement, Snapshot
from descend.doctor.record import Fact, facts
from descend.doctor.tape.call import DISCRETE, SMOOTH
from descend.doctor.tape.vocabulary import QUOTIENTS


def self_selected_loss(snapshot: Snapshot) -> Measurement:
    """Yield the fact `own_selection` if a term of the loss is divided by a count that depends on the parameters."""
    for term in terms(snapshot.recordings()[0]):
        if term.op is not None and term.op.name in QUOTIENTS and term.op.dependences == (SMOOTH, DISCRETE):
            yield Fact.of(facts.SelectedExamplesLoss(term.op.name), snapshot.step)
            return
